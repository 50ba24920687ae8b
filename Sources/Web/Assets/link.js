"use strict";
const form = document.getElementById("link");
const outcome = document.getElementById("outcome");
const token = decodeURIComponent(location.hash.slice(1));
const faults = JSON.parse(form.dataset.faults);
const dead = ["link_invalid", "invitation_invalid"];
const page = location.pathname + location.search;
// It is of no use any more in the history, nor to whoever looks over a shoulder.
history.replaceState(null, "", page);
for (const other of document.querySelectorAll(".languages a")) other.hash = token;

function tell(text, isGood, isOver) {
  outcome.textContent = text;
  outcome.className = isGood ? "notice" : "alert";
  outcome.hidden = false;
  if (!isOver) return;
  form.hidden = true;
  // What had the focus is gone.
  outcome.focus();
}

function explain(status, json) {
  if (dead.includes(json.code)) tell(form.dataset.invalid, false, true);
  else if (json.code === "email_taken") tell(form.dataset.taken, false, true);
  else if (json.code === "validation_failed") tellFaults(json.errors);
  else if (status === 429 || status >= 500) tell(form.dataset.failed, false, false);
  else tell(form.dataset.refused, false, false);
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  return { ok: answer.ok, status: answer.status, json: await answer.json() };
}

function mark(input, text) {
  const error = document.getElementById(input.name + "-error");
  error.textContent = text;
  error.hidden = !text;
  const others = (input.getAttribute("aria-describedby") || "").split(" ").filter((id) => id && id !== error.id);
  const described = text ? [error.id, ...others] : others;
  if (described.length) input.setAttribute("aria-describedby", described.join(" "));
  else input.removeAttribute("aria-describedby");
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function tellFaults(errors) {
  const texts = (found) => found.map((error) => faults[error.code] || error.message).join(" ");
  const inputs = [...form.querySelectorAll("input")];
  for (const input of inputs) mark(input, texts(errors.filter((error) => error.field === input.name)));
  const others = errors.filter((error) => !inputs.some((input) => input.name === error.field));
  if (others.length) tell(texts(others), false, false);
  const first = inputs.find((input) => input.hasAttribute("aria-invalid"));
  if (first) first.focus();
}

async function follow() {
  const body = { token };
  for (const input of form.querySelectorAll("input")) {
    mark(input, "");
    body[input.name] = input.value;
  }
  outcome.hidden = true;
  const { ok, status, json } = await post(form.dataset.call, body);
  if (!ok) return explain(status, json);
  if (json.password_reset_token) {
    location.assign(form.dataset.reset + location.search + "#" + json.password_reset_token);
  } else {
    const needsMore = json.second_factor_required || json.requires_password_change;
    tell(needsMore ? form.dataset.more : form.dataset.done, true, true);
  }
}

async function begin() {
  if (!token) return tell(form.dataset.invalid, false, true);
  if (form.dataset.inquiry) {
    const { ok, status, json } = await post(form.dataset.inquiry, { token });
    if (!ok) {
      // Whoever loads the page again tries again.
      if (!dead.includes(json.code)) history.replaceState(null, "", page + "#" + token);
      return explain(status, json);
    }
    const about = document.getElementById("about");
    about.textContent = [json.email, json.company && json.company.name].filter(Boolean).join(", ");
    about.hidden = false;
    form.elements.namedItem("name").value = json.name || "";
  }
  form.hidden = false;
  const first = form.querySelector("input");
  if (first) first.focus();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  try { await follow(); } catch { tell(form.dataset.failed, false, false); }
  button.disabled = false;
  // A button that is disabled loses the focus.
  if (document.activeElement === document.body) button.focus();
});
begin().catch(() => {
  history.replaceState(null, "", page + "#" + token);
  tell(form.dataset.failed, false, false);
});
