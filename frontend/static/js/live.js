// Live video.
export function mount() {}
