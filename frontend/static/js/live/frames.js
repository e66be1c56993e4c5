// Pictures of a playing video, as the service wants them.
const LONGEST_SIDE = 1280;
const QUALITY = 0.8;

/** grab(video) -> { jpeg, width, height } of what it shows now. */
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
    /** Frames were too large: the next ones are coarser. */
    coarsen() {
      quality = Math.max(0.2, quality - 0.2);
    },
  };
}
