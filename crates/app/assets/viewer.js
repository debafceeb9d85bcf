// The viewer's one script: keys, the reader's own time, progress, and the upload. Reading needs none of it. It writes
// texts and never markup, and asks nobody but this server.
"use strict";

const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Times are written in UTC by the server; here they become the reader's own.
const styles = {
  clock: { hour: "2-digit", minute: "2-digit" },
  day: { weekday: "short", day: "numeric", month: "short", year: "numeric" },
  full: { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" },
};

function dayOf(date) {
  return `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
}

function shown(date, style) {
  if (style !== "list") return date.toLocaleString(undefined, styles[style]);
  const now = new Date();
  if (dayOf(date) === dayOf(now)) return date.toLocaleTimeString(undefined, styles.clock);
  const day = { day: "numeric", month: "short" };
  return date.toLocaleDateString(undefined, date.getFullYear() === now.getFullYear() ? day : { ...day, year: "numeric" });
}

function localTimes() {
  for (const time of all("time[data-style]")) {
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    time.textContent = shown(date, time.dataset.style);
    time.title = date.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
  }
}

// Days begin where the reader's days begin.
function localDays() {
  const list = one(".messages");
  if (!list) return;
  let last = "";
  for (const item of [...list.children]) {
    if (item.classList.contains("day")) {
      item.remove();
      continue;
    }
    const date = new Date(one("time", item)?.dateTime);
    if (Number.isNaN(date.getTime()) || dayOf(date) === last) continue;
    last = dayOf(date);
    const day = document.createElement("li");
    const time = document.createElement("time");
    day.className = "day";
    time.dateTime = date.toISOString();
    time.textContent = shown(date, "day");
    day.append(time);
    item.before(day);
    named(item);
  }
}

// A message that begins a day says who wrote it, as the server does for days of UTC.
function named(item) {
  const at = one(".at.late", item);
  const hidden = at && one(".unseen", at);
  if (!hidden) return;
  const by = document.createElement("p");
  const name = document.createElement("b");
  by.className = "by";
  name.append(one("bdi", hidden));
  hidden.remove();
  at.classList.remove("late");
  at.before(by);
  by.append(name, " ", at);
  item.classList.add("first");
}

// Keys.
function move(selector, step) {
  const items = all(selector).filter((item) => item.offsetParent !== null);
  if (!items.length) return;
  const here = items.indexOf(document.activeElement?.closest(selector));
  const current = here >= 0 ? here : items.findIndex((item) => item.matches("[aria-current], .asked"));
  const start = step > 0 ? -1 : items.length;
  const next = Math.min(items.length - 1, Math.max(0, (current >= 0 ? current : start) + step));
  items[next].focus({ preventScroll: true });
  items[next].scrollIntoView({ block: "nearest" });
}

function help() {
  const dialog = one("#keys");
  if (dialog && !dialog.open) dialog.showModal();
}

const keys = {
  j: () => move(".row, .hit", 1),
  k: () => move(".row, .hit", -1),
  n: () => move(".message", 1),
  p: () => move(".message", -1),
  u: () => location.assign(one(".back")?.href ?? "/ui/"),
  "/": () => one("#q")?.focus(),
  "?": help,
};

function pressed(event) {
  const isTyping = event.target.closest?.("input, textarea, select, dialog");
  if (event.key === "Escape" && event.target.id === "q") event.target.blur();
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = keys[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

// Progress: the numbers of the page are asked for again while something goes on.
const lookMs = 1000;
const lookMaxMs = 15000;

function write(within, told) {
  for (const item of all("[data-live]", within)) {
    const value = told[item.dataset.live] ?? "";
    const text = typeof value === "number" ? value.toLocaleString("en") : String(value);
    if (item.textContent !== text) item.textContent = text;
  }
  for (const item of all("[data-live-value]", within)) {
    item.max = Math.max(1, told[item.dataset.liveMax]);
    item.value = told[item.dataset.liveValue];
  }
}

function watch(main) {
  let waitMs = lookMs;
  // What the page offers depends on which accounts run: it is written anew when one begins or ends.
  const ran = all("[data-running]", main).map((within) => within.dataset.account);
  const isAsWritten = (account) => ran.includes(account.id) === account.running;
  const look = async () => {
    if (document.hidden) return again();
    try {
      const answer = await fetch(main.dataset.watch, { headers: { accept: "application/json" } });
      // The session is over: the page leads to the login.
      if (answer.status === 401) return location.reload();
      if (!answer.ok) throw new Error(String(answer.status));
      const told = await answer.json();
      const accounts = told.accounts ?? [told];
      for (const account of accounts) {
        const within = told.accounts ? one(`[data-account="${CSS.escape(account.id)}"]`) : main;
        if (within) write(within, account);
      }
      if (told.accounts ? !accounts.every(isAsWritten) : !told.running) return location.reload();
      waitMs = lookMs;
    } catch {
      waitMs = Math.min(waitMs * 2, lookMaxMs);
    }
    again();
  };
  const again = () => setTimeout(look, waitMs);
  again();
}

// The upload of an archive, as it is.
function upload(form) {
  const file = one("#file", form);
  const button = one("button", form);
  const drop = one(".drop", form);
  const say = (text, isBad = false) => {
    one("#sending", form).hidden = false;
    one("#sent", form).hidden = isBad;
    one("#say", form).textContent = text;
    one("#say", form).className = isBad ? "notice bad" : "";
  };
  const choose = () => {
    const chosen = file.files[0];
    one("#chosen", form).textContent = chosen ? `${chosen.name} (${Math.ceil(chosen.size / 1000).toLocaleString()} kB)` : "";
    button.disabled = !chosen;
  };
  file.addEventListener("change", choose);
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    file.files = event.dataTransfer.files;
    choose();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    send(form, file.files[0], say, () => (button.disabled = false));
  });
  choose();
}

function send(form, file, say, failed) {
  const query = new URLSearchParams();
  for (const name of ["me", "account"]) {
    const value = form.elements[name]?.value;
    if (value) query.set(name, value);
  }
  const request = new XMLHttpRequest();
  const sent = one("#sent", form);
  request.open("POST", `/ui/import/upload?${query}`);
  request.setRequestHeader("x-threadkeep-form", form.elements.secret.value);
  request.setRequestHeader("content-type", "application/octet-stream");
  request.responseType = "json";
  request.upload.addEventListener("progress", (event) => {
    sent.value = event.total ? (100 * event.loaded) / event.total : 0;
    say(`Sending: ${Math.floor(sent.value)} %`);
  });
  request.upload.addEventListener("load", () => say("It has come and is looked through…"));
  request.addEventListener("load", () => {
    const place = request.response?.place;
    if (request.status === 202 && place?.startsWith("/ui/")) return location.assign(place);
    say(request.response?.message ?? `The server answered ${request.status}.`, true);
    failed();
  });
  request.addEventListener("error", () => {
    say("The connection broke off: try again.", true);
    failed();
  });
  say("Sending…");
  request.send(file);
}

localDays();
localTimes();
document.addEventListener("keydown", pressed);
const helper = one("[data-keys]");
if (helper) {
  helper.hidden = false;
  helper.addEventListener("click", help);
}
const watched = one("[data-watch]");
if (watched) watch(watched);
const form = one("#upload");
if (form) upload(form);
