// Names in a ZIP: UTF-8 where it says so, else as the computer that packed it wrote them, Chinese or Japanese.

const EAST_ASIAN = /^[\x20-\x7e\u3000-\u30ff\u3400-\u9fff\uff01-\uff5e\u2014\u2018-\u201d\u2026\u00b7]+$/;
const KANA = /[\u3040-\u30ff]/;

/** The name of an entry, of which each character is a byte unless it was marked as UTF-8. */
export function entryName(name) {
  const codes = [...name].map((char) => char.codePointAt(0));
  const isBytes = codes.some((code) => code > 0x7f) && codes.every((code) => code <= 0xff);
  if (!isBytes) return name;
  const decoded = (encoding) => decode(Uint8Array.from(codes), encoding);
  const japanese = decoded("shift_jis");
  const chinese = decoded("gb18030");
  if (decoded("utf-8") !== null) return decoded("utf-8");
  if (japanese && EAST_ASIAN.test(japanese) && KANA.test(japanese)) return japanese;
  return chinese && EAST_ASIAN.test(chinese) ? chinese : name;
}

/** The text of bytes; null if they are none in this encoding. */
function decode(bytes, encoding) {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
