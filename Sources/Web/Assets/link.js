"use strict";
const form = document.getElementById("link");
const outcome = document.getElementById("outcome");
const token = decodeURIComponent(location.hash.slice(1));
// It is of no use any more in the history, nor to whoever looks over a shoulder.
history.replaceState(null, "", location.pathname + location.search);
for (const other of document.querySelectorAll(".languages a")) other.hash = token;

function tell(text, isOver) {
  outcome.textContent = text;
  outcome.hidden = false;
  if (isOver) form.hidden = true;
}

async function follow() {
  const body = { token };
  const password = document.getElementById("password");
  if (password) body.new_password = password.value;
  const answer = await fetch(form.dataset.call, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const json = await answer.json();
  if (answer.ok) {
    if (json.password_reset_token) {
      location.assign(form.dataset.reset + location.search + "#" + json.password_reset_token);
    } else {
      const needsMore = json.second_factor_required || json.requires_password_change;
      tell(needsMore ? form.dataset.more : form.dataset.done, true);
    }
  } else if (json.code === "link_invalid") {
    tell(form.dataset.invalid, true);
  } else if (json.code === "validation_failed") {
    tell(json.errors.map((error) => error.message).join(" "), false);
  } else {
    tell(form.dataset.failed, false);
  }
}

if (token) form.hidden = false;
else tell(form.dataset.invalid, true);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try { await follow(); } catch { tell(form.dataset.failed, false); }
  button.disabled = false;
});
