"use strict";
for (const button of document.querySelectorAll("[data-reveals]")) {
  const input = document.getElementById(button.dataset.reveals);
  const show = button.textContent;
  button.hidden = false;
  button.setAttribute("aria-controls", input.id);
  button.addEventListener("click", () => {
    const isHidden = input.type === "password";
    input.type = isHidden ? "text" : "password";
    button.textContent = isHidden ? button.dataset.hide : show;
  });
}
