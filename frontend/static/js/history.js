// The history.
export function mount() {}
