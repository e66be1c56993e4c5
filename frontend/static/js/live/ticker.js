// Waits in a worker of its own: timers of a page that nobody sees are slowed down, down to one a minute.
onmessage = ({ data: milliseconds }) => setTimeout(() => postMessage(null), milliseconds);
