"""The page of `window_page`: NONCE and LAYOUT are put in when it is sent. All texts are set as text."""

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Dubline</title>
<style nonce="NONCE">
body { font: 15px/1.4 system-ui, sans-serif; max-width: 40em; margin: 2em auto; padding: 0 1em;
  background: #1d1f21; color: #e6e6e6; }
label.row { display: grid; grid-template-columns: 11em 1fr; margin: .4em 0; align-items: center; }
label.check { display: inline-block; margin: .3em 1.2em .3em 0; }
input[type=text], select { width: 100%; box-sizing: border-box; padding: .3em; font: inherit; }
button { font: inherit; padding: .4em 1em; margin: .3em .4em .3em 0; }
progress { width: 100%; }
#message { font-weight: 600; }
#remedy { white-space: pre-wrap; }
</style></head><body>
<h1>Dubline</h1><p id="where"></p><p id="will"></p><div id="fields"></div>
<progress id="bar" max="1" hidden></progress><p id="progress" role="status"></p>
<p id="message" role="alert"></p><p id="remedy"></p><div id="buttons"></div>
<script nonce="NONCE">
"use strict";
const layout = LAYOUT, byId = id => document.getElementById(id), inputs = {}, buttons = {};
let changed = {}, ended = false;
function element(name, attributes, text) {
  const made = document.createElement(name);
  Object.assign(made, attributes);
  if (text) made.textContent = text;
  return made;
}
for (const field of layout.fields) {
  const row = element("label", {className: field.kind === "check" ? "check" : "row", title: field.tip});
  let input;
  if (field.kind === "choice") {
    input = element("select", {});
  } else {
    input = element("input", {type: field.kind === "check" ? "checkbox" : "text", placeholder: field.tip});
  }
  input.addEventListener(field.kind === "text" ? "input" : "change", () => {
    changed[field.name] = field.kind === "check" ? input.checked : input.value;
    send();
  });
  inputs[field.name] = input;
  if (field.kind === "check") row.append(input, " " + field.label);
  else row.append(element("span", {}, field.label), input);
  byId("fields").append(row);
}
for (const [name, label] of [...layout.buttons, ["close", "Close Dubline"]]) {
  const button = element("button", {type: "button"}, label);
  button.addEventListener("click", () => send(name));
  buttons[name] = button;
  byId("buttons").append(button);
}
function draw(view) {
  for (const [name, options] of Object.entries(view.options)) {
    for (const [key, label] of options.slice(inputs[name].length))
      inputs[name].append(element("option", {value: key}, label));
  }
  for (const [name, value] of Object.entries(view.fields)) {
    const input = inputs[name];
    if (name in changed || input === document.activeElement && input.type === "text") continue;
    if (input.type === "checkbox") input.checked = value; else input.value = value;
  }
  for (const [name, enabled] of Object.entries(view.buttons)) buttons[name].disabled = !enabled;
  for (const name of ["where", "will", "progress", "message"]) byId(name).textContent = view[name];
  byId("remedy").textContent = [view.remedy, ...view.notes].filter(text => text).join("\\n");
  byId("bar").hidden = view.fraction === null;
  byId("bar").value = view.fraction || 0;
  if (view.closed) end("Dubline is closed. You may close this page.");
}
function end(text) {
  ended = true;
  byId("message").textContent = text;
  for (const button of Object.values(buttons)) button.disabled = true;
}
async function send(act) {
  if (ended) return;
  const told = {set: changed, act: act || ""};
  changed = {};
  try {
    const answer = await fetch("/state", {method: "POST", headers: {"X-Dubline": "1"},
      body: JSON.stringify(told)});
    if (!answer.ok) throw new Error(answer.status);
    draw(await answer.json());
  } catch (error) {
    end("Dubline does not answer. Start it again from the menu.");
  }
}
send();
setInterval(() => send(), 500);
</script></body></html>
"""
