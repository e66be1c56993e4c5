// A photo from the camera, taken in a dialog.
import { element } from "./dom.js";
import { t } from "./i18n.js";

const REFUSALS = {
  NotAllowedError: "camera.refused",
  NotFoundError: "camera.none",
  OverconstrainedError: "camera.none",
  NotReadableError: "camera.busy",
};

/** Why the browser gives no camera: a sentence. */
export function refusal(error) {
  return t(REFUSALS[error.name] ?? "camera.none");
}

/** The camera's stream, the one at the back of a phone. Rejects with the browser's error. */
export function openCamera(constraints = {}) {
  return navigator.mediaDevices.getUserMedia({
    video: { facingMode: "environment", width: { ideal: 1920 }, height: { ideal: 1440 }, ...constraints },
  });
}

/** A JPEG, or null if none was taken. */
export async function takePhoto() {
  const dialog = element("camera-dialog");
  const picture = element("camera-picture");
  const words = element("camera-words");
  element("shutter").disabled = true;
  words.textContent = t(window.isSecureContext ? "camera.hold" : "camera.insecure");
  dialog.showModal();
  const closed = new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  let photo = null;
  const stream = window.isSecureContext
    ? await openCamera().catch((error) => void (words.textContent = refusal(error)))
    : null;
  if (stream) {
    picture.srcObject = stream;
    await picture.play().catch(() => {});
    element("shutter").disabled = false;
    element("shutter").onclick = async () => {
      photo = await frameOf(picture);
      dialog.close();
    };
  }
  if (dialog.open) await closed;
  for (const track of stream?.getTracks() ?? []) track.stop();
  picture.srcObject = null;
  return photo;
}

function frameOf(picture) {
  const canvas = new OffscreenCanvas(picture.videoWidth, picture.videoHeight);
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
}
