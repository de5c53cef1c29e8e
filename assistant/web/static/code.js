// Code in the chat page: lines that an answer names open beside it, long lines are reached with the keyboard, and
// copying works where the page came over plain HTTP, too.
(() => {
  "use strict";

  // Browsers keep the clipboard's interface for HTTPS. Inside a company the page may come without it.
  function copyTheOldWay(text) {
    const before = document.activeElement;
    const field = document.createElement("textarea");
    field.value = text;
    field.readOnly = true;
    field.style.cssText = "position:fixed;top:0;opacity:0";
    document.body.append(field);
    field.select();
    const isCopied = document.execCommand("copy");
    field.remove();
    before?.focus?.();
    if (!isCopied) throw new Error("The browser did not allow it.");
  }

  if (!navigator.clipboard) {
    window.ClipboardItem ??= class {};
    Object.defineProperty(navigator, "clipboard", { value: { writeText: async (text) => copyTheOldWay(text) } });
  }

  // An answer that is copied goes elsewhere, where these addresses lead nowhere: the names of lines go without them.
  const named = (markdown) =>
    markdown.replace(/\[((?:\\.|[^\[\]\\\n])*)\]\(\/lines\/[^)\s]*\)/g, (_, name) => name.replace(/\\(.)/g, "$1"));
  const writeText = navigator.clipboard.writeText.bind(navigator.clipboard);
  navigator.clipboard.writeText = (text) => writeText(named(text));
  if (navigator.clipboard.write) {
    const write = navigator.clipboard.write.bind(navigator.clipboard);
    const without = async (item, type) => {
      const text = await (await item.getType(type)).text();
      if (type !== "text/html") return new Blob([named(text)], { type });
      const page = new DOMParser().parseFromString(text, "text/html");
      for (const link of page.querySelectorAll('a[href^="/lines/"]')) link.replaceWith(...link.childNodes);
      return new Blob([page.body.innerHTML], { type });
    };
    navigator.clipboard.write = (items) =>
      write(items.map((item) => new ClipboardItem(Object.fromEntries(item.types.map((type) => [type, without(item, type)])))));
  }

  // Names of lines: citations.py made them links to a page; a press shows that page's lines here.
  const LINES = /^\/lines\/[0-9a-f-]{36}\/\d+\/\d+-\d+$/;

  async function readLines(path) {
    const answer = await fetch(path, { headers: { accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const lines = page.querySelector(".cited-lines");
    const title = page.querySelector("h1")?.textContent ?? "";
    if (!answer.ok || !lines) throw new Error("These lines are not there any more.");
    return { title, lines };
  }

  function showLines({ title, lines }) {
    document.getElementById("cloister-lines")?.remove(); // after a second press while the first was on its way
    const dialog = document.createElement("dialog");
    dialog.id = "cloister-lines";
    dialog.setAttribute("aria-label", title);
    const head = document.createElement("header");
    const name = document.createElement("h2");
    name.textContent = title;
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Close";
    close.addEventListener("click", () => dialog.close());
    head.append(name, close);
    dialog.append(head, document.importNode(lines, true));
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside it
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal(); // the browser keeps the focus in it, ends it with Escape and gives the focus back
    dialog.querySelector("tr.cited")?.scrollIntoView({ block: "center" });
  }

  document.addEventListener(
    "click",
    async (event) => {
      const link = event.target.closest?.('.step[data-step-type="assistant_message"] a[href^="/lines/"]');
      if (!link || !LINES.test(link.getAttribute("href"))) return;
      if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return; // a tab of its own
      event.preventDefault();
      event.stopImmediatePropagation();
      try {
        showLines(await readLines(link.getAttribute("href")));
      } catch {
        window.postMessage({ cloister: "said", words: "These lines could not be shown. Reload the page." }, window.location.origin);
      }
    },
    true,
  );

  function reachLongLines() {
    for (const code of document.querySelectorAll(".step pre > code, .step .overflow-x-auto.bg-accent")) {
      if (code.hasAttribute("tabindex") || code.scrollWidth <= code.clientWidth) continue;
      code.tabIndex = 0;
      code.setAttribute("role", "region");
      code.setAttribute("aria-label", "Code with long lines");
    }
  }

  let isPlanned = false;
  new MutationObserver(() => {
    if (isPlanned) return;
    isPlanned = true;
    setTimeout(() => {
      isPlanned = false;
      reachLongLines();
    }, 50);
  }).observe(document, { childList: true, subtree: true });
})();
