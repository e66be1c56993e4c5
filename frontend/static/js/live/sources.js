// Where moving pictures come from: a camera, a screen, a file. Whatever cannot be had is an Unavailable.
import { openCamera as askForCamera, refusal } from "../shared/camera.js";
import { t } from "../shared/i18n.js";

const SIZE = { width: { ideal: 1280 }, height: { ideal: 720 } };

/** Why there are no pictures: a sentence that says what to do. */
export class Unavailable extends Error {}

/** { kind, name, stream, device } of a camera: the one of this id, else the one at the back of a phone. */
export async function openCamera(device = null) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Unavailable(t(insecure("live.camera.unknown")));
  const wanted = device && { facingMode: undefined, deviceId: { exact: device } };
  const stream = await askForCamera({ ...SIZE, ...wanted }).catch((error) => {
    throw new Unavailable(refusal(error));
  });
  const used = stream.getVideoTracks()[0].getSettings().deviceId;
  return { kind: "camera", name: t("live.camera"), stream, device: used };
}

/** The cameras there are, as { id, label }, once one may be used. */
export async function listCameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter(({ kind }) => kind === "videoinput")
    .map(({ deviceId, label }, index) => {
      return { id: deviceId, label: label || t("live.camera.number", { number: index + 1 }) };
    });
}

/** A screen, a window or a tab; null if the reader chose none. */
export async function openScreen() {
  if (!navigator.mediaDevices?.getDisplayMedia) throw new Unavailable(t(insecure("live.screen.unknown")));
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 10 } } });
    return { kind: "screen", name: t("live.screen"), stream };
  } catch (error) {
    if (error.name === "NotAllowedError" && !error.message.includes("system")) return null;
    throw new Unavailable(t("live.screen.failed"));
  }
}

/** A video file. Whether it plays, only playing shows. */
export function openFile(file) {
  const kind = file.type.split("/")[0];
  if (kind === "image" || file.type === "application/pdf") {
    throw new Unavailable(t("live.file.image", { name: file.name }));
  }
  return { kind: "file", name: file.name, url: URL.createObjectURL(file) };
}

/** Let the camera, the screen or the file go. */
export function release(source) {
  for (const track of source.stream?.getTracks() ?? []) {
    track.onended = null;
    track.stop();
  }
  if (source.url) URL.revokeObjectURL(source.url);
}

const insecure = (otherwise) => (isSecureContext ? otherwise : "live.insecure");
