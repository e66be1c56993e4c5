// What differs between two texts, by their longest common subsequence of characters.

/** Each text as parts { text, isOther }: what the other lacks, and what both have. */
export function differences(one, two) {
  const [left, right] = [[...one], [...two]];
  const lengths = commonLengths(left, right);
  const parts = [[], []];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    if (i < left.length && left[i] === right[j]) {
      append(parts[0], left[i], false);
      append(parts[1], right[j], false);
      [i, j] = [i + 1, j + 1];
    } else if (j === right.length || (i < left.length && lengths[i + 1][j] >= lengths[i][j + 1])) {
      append(parts[0], left[i], true);
      i += 1;
    } else {
      append(parts[1], right[j], true);
      j += 1;
    }
  }
  return parts;
}

/** Of the ends of both from each pair of places on. */
function commonLengths(left, right) {
  const lengths = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i -= 1) {
    for (let j = right.length - 1; j >= 0; j -= 1) {
      lengths[i][j] =
        left[i] === right[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  return lengths;
}

function append(parts, text, isOther) {
  if (parts.at(-1)?.isOther === isOther) parts.at(-1).text += text;
  else parts.push({ text, isOther });
}
