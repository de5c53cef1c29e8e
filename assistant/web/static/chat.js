// What the chat page needs beyond Chainlit's own script: the reason for a refusal above the composer with the text put
// back into it, the way to the sign-in page, a conversation's address, and names for buttons that only have a picture.
(() => {
  "use strict";

  const LABELS = {
    "chat-submit": "Send",
    "stop-button": "Stop the answer",
    "upload-button": "Attach a file",
    "sidebar-trigger-button": "Show or hide your conversations",
    "search-chats-button": "Search your conversations",
    "new-chat-button": "New conversation",
    "user-nav-button": "Your account",
    "theme-toggle": "Light or dark",
    "chat-profiles": "Persona",
    "chat-input": "Your message",
  };

  let sent = { text: "", command: "" }; // what went last; the command is the id of its button
  let refusal = null; // { words, text, command } as long as it stands above the composer
  let waitingText = ""; // what goes as soon as it can: Enter was pressed before the page was connected

  const composer = () => document.getElementById("chat-input");

  function setText(field, text) {
    // React listens to the setter of its own instance; the one of the prototype lets it see the event as typed text.
    Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(field, text);
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  }

  function dismiss() {
    refusal = null;
    waitingText = "";
    document.getElementById("cloister-reason")?.remove();
  }

  function reasonBox(words) {
    const box = document.createElement("div");
    box.id = "cloister-reason";
    box.setAttribute("role", "alert");
    const text = document.createElement("span");
    text.textContent = words;
    box.append(text, boxButton("Close", dismiss));
    return box;
  }

  function boxButton(words, onPress) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = words;
    button.addEventListener("click", onPress);
    return button;
  }

  const backButton = () => document.getElementById("cloister-put-back");

  // Before what was typed meanwhile, which nobody may lose either.
  function putBack() {
    const typed = composer()?.value;
    setText(composer(), typed ? `${refusal.text}\n\n${typed}` : refusal.text);
    backButton().remove();
    chooseAgain();
  }

  // Also after Chainlit has built its composer anew, as it does with the first message.
  function showRefusal() {
    const field = composer();
    const frame = document.getElementById("message-composer");
    if (!refusal || !field || !frame || document.getElementById("cloister-reason")) return;
    const box = reasonBox(refusal.words);
    frame.before(box);
    if (!refusal.text || field.value.includes(refusal.text)) return;
    if (!field.value) {
      setText(field, refusal.text);
      return;
    }
    const back = boxButton("Put my message back", putBack);
    back.id = "cloister-put-back";
    box.lastChild.before(back);
  }

  const chosenCommand = () => document.querySelector("button.command-button.text-command");

  // A text that is sent again must not go without the command that it had. Buttons rest until the answer has ended.
  function chooseAgain() {
    const button = refusal?.command && document.getElementById(refusal.command);
    if (!button || button.disabled || backButton()) return;
    refusal.command = "";
    if (!chosenCommand()) button.click();
  }

  function refuse(words, text, command) {
    dismiss();
    refusal = { words, text, command };
    showRefusal();
    chooseAgain();
  }

  // Chainlit goes to a new conversation's address once it has the list of conversations, at any moment after the first
  // question, and draws everything anew: what is open, chosen or in focus would be gone. It stays where it is when the
  // address stands there before.
  let hasGiven = false;

  function giveAddress(thread) {
    if (window.location.pathname !== "/") return;
    window.history.replaceState(window.history.state, "", `/thread/${encodeURIComponent(thread)}`);
    hasGiven = true;
    markOpen();
    letGo();
  }

  // In the list, too, Chainlit marks the open conversation only when it has gone there.
  function markOpen() {
    for (const link of document.querySelectorAll('#thread-history a[href^="/thread/"]')) {
      const line = link.querySelector("[data-active]");
      const isOpen = String(link.pathname === window.location.pathname);
      if (line && line.dataset.active !== isOpen) line.dataset.active = isOpen;
    }
  }

  // Who has begun the next conversation when that list comes would be led back into the one before: the list waits until
  // the next one has its address.
  const waiting = []; // resolves each list that waits

  function isNewestOfList(address, options) {
    if (!String(address).endsWith("/project/threads") || typeof options?.body !== "string") return false;
    const { pagination, filter } = JSON.parse(options.body);
    return !pagination?.cursor && !filter?.search;
  }

  function letGo() {
    if (window.location.pathname !== "/") for (const go of waiting.splice(0)) go();
  }

  const fetchNow = window.fetch.bind(window);
  window.fetch = async (address, options) => {
    const answer = await fetchNow(address, options);
    if (!hasGiven || !isNewestOfList(address, options)) return answer;
    const { status, statusText, headers } = answer;
    const list = new Response(await answer.text(), { status, statusText, headers }); // also its end may come late
    if (window.location.pathname === "/") await new Promise((go) => waiting.push(go));
    return list;
  };

  // Chainlit hands such messages on to the server as well; this listener is the first and ends their way here.
  window.addEventListener("message", (event) => {
    if (event.source !== window || event.origin !== window.location.origin) return;
    const what = event.data && event.data.cloister;
    if (!what) return;
    event.stopImmediatePropagation();
    if (what === "refused") refuse(String(event.data.words || ""), sent.text, sent.command);
    if (what === "said") refuse(String(event.data.words || ""), "", ""); // of another script of ours
    if (what === "stored") giveAddress(String(event.data.words));
    if (what === "signed-out") window.location.assign("/sign-in");
  });

  document.addEventListener(
    "input",
    (event) => {
      if (!event.isTrusted || event.target.id !== "chat-input") return;
      if (event.target.value && !backButton()) dismiss();
    },
    true,
  );

  function onSubmit(event) {
    const isKey = event.type === "keydown" && event.key === "Enter" && !event.shiftKey && !event.isComposing;
    const isEnter = isKey && event.target.id === "chat-input";
    if (!isEnter && !(event.type === "click" && event.target.closest("#chat-submit"))) return;
    const button = document.getElementById("chat-submit");
    if (!button) return; // an answer runs
    if (button.disabled) {
      if (!event.repeat) waitToSend(composer()?.value ?? "");
      return;
    }
    dismiss();
    sent = { text: composer()?.value ?? "", command: chosenCommand()?.id ?? "" }; // either may go without the other
  }

  function waitToSend(text) {
    if (!text.trim() || text === waitingText) return; // it went with the press before
    refuse("Not sent yet: Cloister is connecting, or a file is on its way. Your message goes as soon as it can.", "", "");
    waitingText = text;
  }

  function sendWhatWaits() {
    const button = document.getElementById("chat-submit");
    if (!waitingText || !button || button.disabled) return;
    const isSame = composer()?.value === waitingText;
    dismiss();
    if (isSame) button.click();
  }

  document.addEventListener("keydown", onSubmit, true);
  document.addEventListener("click", onSubmit, true);

  const isLaterHalf = (event) => event.detail > 1 || event.repeat; // of a double click, or of a held key

  // The later half of what began on Send: its button has become Stop meanwhile.
  function onStop(event) {
    if (!isLaterHalf(event) || !event.target.closest?.("#stop-button")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }
  document.addEventListener("keydown", onStop, true);
  document.addEventListener("click", onStop, true);

  // A link in an answer may carry what was said to wherever it leads: its address stands behind it as text to read and
  // to copy, and nothing opens it, neither a press nor the browser's own menu.
  function showAddresses() {
    for (const link of document.querySelectorAll("a[href]")) {
      if (link.origin === window.location.origin) continue;
      link.dataset.address = link.href;
      link.classList.add("cloister-outside");
      link.title = "Leads out of the company. Nothing opens it here.";
      link.removeAttribute("href");
      link.removeAttribute("target");
    }
    for (const link of document.querySelectorAll("a[data-address]")) {
      const { address } = link.dataset;
      let text = link.querySelector(":scope > .cloister-address");
      if (!text) {
        text = document.createElement("span");
        text.className = "cloister-address";
        link.append(text);
      }
      const words = link.firstChild?.textContent === address ? "" : ` (${address})`;
      if (text.textContent !== words) text.textContent = words;
    }
  }

  function onLink(event) {
    showAddresses(); // a press may come before the pass that follows a change of the page
    const link = event.target.closest?.("a[data-address]");
    if (!link) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    refuse(`This link leads out of the company and was not opened: ${link.dataset.address}`, "");
  }
  document.addEventListener("click", onLink, true);
  document.addEventListener("auxclick", onLink, true);

  // "This is wrong" behind "why?": one press reports it. Only in lines of our own: a model can write such a link, too.
  // Without this script, and once it was pressed, the link opens a page that says the same and takes a comment.
  const OWN_LINES = '.step:is([data-step-type="tool"], [data-step-type="retrieval"], [data-step-type="llm"])';
  const pressed = new Map(); // address: { state: "sending", "done" or "failed", words }

  const wrongLink = (target) => {
    const link = target.closest?.('a[href^="/wrong/"]');
    return link && link.closest(OWN_LINES) ? link : null;
  };

  async function report(path) {
    pressed.set(path, { state: "sending", words: "Reporting" });
    showReports();
    try {
      const answer = await fetch(path, { method: "POST", headers: { accept: "application/json" } });
      const said = await answer.json();
      pressed.set(path, answer.ok ? { state: "done", words: said.words } : { state: "failed", words: said.detail });
    } catch {
      pressed.set(path, { state: "failed", words: "Not reported: Cloister could not be reached. Press again." });
    }
    showReports();
  }

  function sayUnder(link, { state, words }) {
    const frame = link.closest("table")?.parentElement.parentElement || link.parentElement; // below the table
    let line = frame.querySelector(":scope > .cloister-said");
    if (!line) {
      line = document.createElement("p");
      line.className = "cloister-said";
      line.setAttribute("role", "status");
      frame.append(line); // at the end, where React keeps nothing of its own
    }
    if (line.textContent !== words) line.textContent = words;
    line.dataset.state = state;
  }

  // Again after each change of the page: Chainlit may have drawn the line anew.
  function showReports() {
    for (const link of document.querySelectorAll('a[href^="/wrong/"]')) {
      if (!wrongLink(link)) continue;
      const told = pressed.get(link.getAttribute("href"));
      const text = told ? (told.state === "done" ? "Reported" : "This is wrong") : link.textContent;
      if (link.textContent !== text) link.firstChild.data = text;
      const isButton = text !== "Reported";
      if (isButton) link.setAttribute("role", "button");
      else link.removeAttribute("role");
      link.removeAttribute("target");
      link.setAttribute("aria-disabled", String(told?.state === "sending"));
      link.title = isButton ? "Tell your reviewer that this should have passed" : "See what became of it, or say why";
      if (told && link.dataset.told !== told.words) {
        link.dataset.told = told.words;
        sayUnder(link, told);
      }
    }
  }

  function onWrong(event) {
    const link = wrongLink(event.target);
    if (!link) return;
    showReports(); // a press may come before the pass that follows a change of the page
    const isReported = isLaterHalf(event); // by the half before
    if (link.getAttribute("role") !== "button" && !isReported) return;
    if (event.type === "keydown" && event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const path = link.getAttribute("href");
    if (!isReported && pressed.get(path)?.state !== "sending") report(path);
  }
  document.addEventListener("click", onWrong, true);
  document.addEventListener("keydown", onWrong, true);

  function nameButtons() {
    for (const [id, label] of Object.entries(LABELS)) {
      const found = document.getElementById(id);
      // React makes one button of another: Send is Stop, with the name of Send, while an answer runs.
      if (found && found.getAttribute("aria-label") !== label) found.setAttribute("aria-label", label);
    }
    for (const button of document.querySelectorAll('button.command-button:not([aria-label])')) {
      button.setAttribute("aria-label", button.id.slice("command-".length)); // on a narrow screen its word is hidden
    }
    for (const button of document.querySelectorAll("button:not([aria-label])")) {
      if (button.textContent.trim()) continue;
      if (button.matches(".positive-feedback-on, .positive-feedback-off")) button.setAttribute("aria-label", "Helpful");
      else if (button.matches(".negative-feedback-on, .negative-feedback-off")) button.setAttribute("aria-label", "Not helpful");
      else if (button.querySelector(".lucide-copy")) button.setAttribute("aria-label", "Copy");
    }
  }

  let isPlanned = false;
  new MutationObserver(() => {
    if (isPlanned) return;
    isPlanned = true;
    setTimeout(() => {
      isPlanned = false;
      nameButtons();
      showRefusal();
      chooseAgain();
      sendWhatWaits();
      markOpen();
      letGo();
      showReports();
      showAddresses();
    }, 50);
  }).observe(document, { childList: true, subtree: true, attributeFilter: ["disabled"] });
})();
