// Pictures of a playing video, as the service wants them.
const LONGEST_SIDE = 1280;
const QUALITY = 0.8;
const GLANCE = { width: 16, height: 9 };
const CUT = 0.12; // of all brightness, that changes on average

/** grab(video) -> { jpeg, width, height } of what it shows now; isCut(video): its scene is another than when last asked. */
export function openGrabber() {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { alpha: false });
  let quality = QUALITY;

  return {
    async grab(video) {
      const scale = Math.min(1, LONGEST_SIDE / Math.max(video.videoWidth, video.videoHeight));
      const width = Math.round(video.videoWidth * scale);
      const height = Math.round(video.videoHeight * scale);
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      context.drawImage(video, 0, 0, width, height);
      const jpeg = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
      return { jpeg, width, height };
    },
    isCut: openCutDetector(),
    /** Frames were too large: the next ones are coarser. */
    coarsen() {
      quality = Math.max(0.2, quality - 0.2);
    },
  };
}

/** isCut(video): whether it looks quite different from the one before. */
function openCutDetector() {
  const canvas = new OffscreenCanvas(GLANCE.width, GLANCE.height);
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  let before = null;
  return (video) => {
    context.drawImage(video, 0, 0, GLANCE.width, GLANCE.height);
    const { data } = context.getImageData(0, 0, GLANCE.width, GLANCE.height);
    const change = before ? data.reduce((sum, value, at) => sum + Math.abs(value - before[at]), 0) : 0;
    before = data;
    return change / (data.length * 0.75 * 255) > CUT; // a quarter is opacity, which stays
  };
}
