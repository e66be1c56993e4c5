// Language and theme. The service reads both from cookies, so that the first paint is right already.
const root = document.documentElement;
const themes = root.dataset.themes.split(" ");

function remember(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`;
}

document.getElementById("language").addEventListener("click", (event) => {
  remember("language", event.currentTarget.dataset.language);
  location.reload();
});

document.getElementById("theme").addEventListener("click", async (event) => {
  const button = event.currentTarget;
  const theme = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
  root.dataset.theme = theme;
  remember("theme", theme);
  const { t } = await import("./i18n.js");
  button.title = t(`shell.theme.${theme}`);
  button.setAttribute("aria-label", button.title);
});
