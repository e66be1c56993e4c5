// Shows the API with the Swagger UI that comes with the service, as light or dark as the page.
const place = document.getElementById("swagger");
window.SwaggerUIBundle({ domNode: place, url: place.dataset.url, validatorUrl: null, docExpansion: "list" });

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

function followTheme() {
  const { theme } = root.dataset;
  root.classList.toggle("dark-mode", theme === "dark" || (theme === "auto" && system.matches));
}

new MutationObserver(followTheme).observe(root, { attributeFilter: ["data-theme"] });
system.addEventListener("change", followTheme);
followTheme();
