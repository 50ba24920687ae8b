"use strict";
const form = document.getElementById("link");
const outcome = document.getElementById("outcome");
const token = decodeURIComponent(location.hash.slice(1));
const faults = JSON.parse(form.dataset.faults);
const dead = ["link_invalid", "invitation_invalid"];
// It is of no use any more in the history, nor to whoever looks over a shoulder.
history.replaceState(null, "", location.pathname + location.search);
for (const other of document.querySelectorAll(".languages a")) other.hash = token;

function tell(text, isGood, isOver) {
  outcome.textContent = text;
  outcome.className = isGood ? "notice" : "alert";
  outcome.hidden = false;
  if (isOver) form.hidden = true;
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  return { ok: answer.ok, json: await answer.json() };
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
  const { ok, json } = await post(form.dataset.call, body);
  if (ok) {
    if (json.password_reset_token) {
      location.assign(form.dataset.reset + location.search + "#" + json.password_reset_token);
    } else {
      const needsMore = json.second_factor_required || json.requires_password_change;
      tell(needsMore ? form.dataset.more : form.dataset.done, true, true);
    }
  } else if (dead.includes(json.code)) {
    tell(form.dataset.invalid, false, true);
  } else if (json.code === "email_taken") {
    tell(form.dataset.taken, false, true);
  } else if (json.code === "validation_failed") {
    tellFaults(json.errors);
  } else {
    tell(form.dataset.failed, false, false);
  }
}

async function begin() {
  if (!token) return tell(form.dataset.invalid, false, true);
  if (form.dataset.inquiry) {
    const { ok, json } = await post(form.dataset.inquiry, { token });
    if (!ok) return tell(dead.includes(json.code) ? form.dataset.invalid : form.dataset.failed, false, true);
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
});
begin().catch(() => tell(form.dataset.failed, false, true));
