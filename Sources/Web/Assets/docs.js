"use strict";
const token = document.getElementById("token");
token.closest(".field").hidden = false;

function openTarget() {
  const target = document.getElementById(location.hash.slice(1));
  if (target instanceof HTMLDetailsElement) target.open = true;
}
addEventListener("hashchange", openTarget);
openTarget();

for (const form of document.querySelectorAll("form.trial")) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const result = form.querySelector(".result");
    const fields = new FormData(form);
    const query = (fields.get("query") ?? "").trim();
    const path = form.dataset.path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(fields.get(name) ?? "")) + (query ? "?" + query : "");
    const headers = {};
    if (token.value.trim()) headers.Authorization = "Bearer " + token.value.trim();
    const body = fields.get("body");
    if (body !== null) headers["Content-Type"] = "application/json";
    result.hidden = false;
    result.textContent = "…";
    try {
      const answer = await fetch(path, { method: form.dataset.method, headers, body: body ?? undefined });
      const text = await answer.text();
      let shown = text;
      try {
        const value = JSON.parse(text);
        if (value.access_token) token.value = value.access_token;
        shown = JSON.stringify(value, null, 2);
      } catch {
        // Not every answer is JSON: what came is shown as it is.
      }
      result.textContent = answer.status + " " + answer.statusText + "\n\n" + shown;
    } catch (error) {
      result.textContent = "The server could not be reached: " + error.message;
    }
  });
}
