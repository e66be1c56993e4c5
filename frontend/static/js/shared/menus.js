// Menus: a <details class="menu"> that closes as menus do.

/** Have `menu` close on a choice, on Escape and on a click elsewhere; choose(button) hears of the choice. */
export function listenToMenu(menu, choose) {
  const close = () => {
    menu.open = false;
    menu.querySelector("summary").focus();
  };
  menu.addEventListener("click", (event) => {
    const button = event.target.closest("ul button");
    if (!button) return;
    close();
    choose(button);
  });
  menu.addEventListener("keydown", (event) => event.key === "Escape" && menu.open && close());
  document.addEventListener("click", (event) => menu.contains(event.target) || (menu.open = false));
}
