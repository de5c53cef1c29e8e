// Attaching a folder: what a person chose or dropped is packed into one zip, which goes the way of every file. What
// tools fetch or build stays here; the server looks again, leaves out what is no text, and says so.
(() => {
  "use strict";

  // The same list as in folder.py, and the same longest file.
  const LEFT_OUT = new Set([
    ".git", ".hg", ".svn", ".idea", ".vscode", ".vs", ".gradle", ".terraform", ".next", ".nuxt", ".cache",
    "node_modules", "bower_components", "vendor", "venv", ".venv", "__pycache__", ".tox", ".nox", ".eggs",
    ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "dist", "build", "target", "__MACOSX",
  ]);
  const MOST_FILE_BYTES = 256 * 1024;
  const MOST_FILES = 2000;
  const MOST_BYTES = 8 * 1024 * 1024;
  const ICON = "M20 20a2 2 0 0 0 2-2V8a2 2 0 0 0-2-2h-7.9a2 2 0 0 1-1.7-.9L9.6 3.9A2 2 0 0 0 7.9 3H4a2 2 0 0 0-2 2v13a2 2 0 0 0 2 2Z M12 10v6 M9 13l3-3 3 3";

  const say = (words) => window.postMessage({ cloister: "said", words }, window.location.origin);

  // A zip without compression: APPNOTE.TXT 4.3.
  const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
    for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
    return byte;
  });

  function crcOf(bytes) {
    let crc = 0xffffffff;
    for (const byte of bytes) crc = CRC[(crc ^ byte) & 0xff] ^ (crc >>> 8);
    return (crc ^ 0xffffffff) >>> 0;
  }

  function fields(...values) {
    const bytes = new DataView(new ArrayBuffer(values.reduce((sum, [size]) => sum + size, 0)));
    let place = 0;
    for (const [size, value] of values) {
      if (size === 2) bytes.setUint16(place, value, true);
      else bytes.setUint32(place, value, true);
      place += size;
    }
    return new Uint8Array(bytes.buffer);
  }

  function pack(entries) {
    const parts = [];
    const list = [];
    let offset = 0;
    let listed = 0;
    for (const { path, bytes } of entries) {
      const name = new TextEncoder().encode(path);
      const shared = [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, 33], [4, crcOf(bytes)], [4, bytes.length], [4, bytes.length], [2, name.length], [2, 0]];
      const head = fields([4, 0x04034b50], ...shared);
      const entry = fields([4, 0x02014b50], [2, 20], ...shared, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]);
      parts.push(head, name, bytes);
      list.push(entry, name);
      offset += head.length + name.length + bytes.length;
      listed += entry.length + name.length;
    }
    const count = entries.length;
    const end = fields([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, listed], [4, offset], [2, 0]);
    return new Blob([...parts, ...list, end], { type: "application/zip" });
  }

  // A picture, say: zeros on both sides of pairs are of no text in any encoding. decoding.py sees the same in as much.
  const SNIFFED_BYTES = 4096;
  const startsWith = (bytes, ...mark) => mark.every((byte, place) => bytes[place] === byte);

  function isNoText(beginning) {
    if (startsWith(beginning, 0xff, 0xfe) || startsWith(beginning, 0xfe, 0xff)) return false;
    if (startsWith(beginning, 0xef, 0xbb, 0xbf)) return false;
    const sides = [false, false];
    beginning.forEach((byte, place) => { if (!byte) sides[place % 2] = true; });
    return sides[0] && sides[1];
  }

  // Of a file that is no text, its beginning, and of one that is too long, one byte too many: what is left out is said
  // by the server, which sees both.
  async function bytesOf(file) {
    const beginning = new Uint8Array(await file.slice(0, SNIFFED_BYTES).arrayBuffer());
    if (file.size <= SNIFFED_BYTES || isNoText(beginning)) return beginning;
    return new Uint8Array(await file.slice(0, MOST_FILE_BYTES + 1).arrayBuffer());
  }

  // `found` gives { path, file } of each file, and { path } of each folder that was left out.
  async function packAll(found) {
    const entries = [];
    const names = new Set();
    let bytesLeft = MOST_BYTES;
    for await (const { path, file } of found) {
      if (names.has(path)) continue;
      names.add(path);
      if (entries.length === MOST_FILES) throw new Error("The folder has too many files. Attach the part that the question needs.");
      const bytes = file ? await bytesOf(file) : new Uint8Array();
      bytesLeft -= bytes.length;
      if (bytesLeft < 0) throw new Error("The folder is too large. Attach the part that the question needs.");
      entries.push({ path, bytes });
    }
    return entries;
  }

  function* chosen(files) {
    for (const file of files) {
      const [, ...parts] = file.webkitRelativePath.split("/");
      const at = parts.slice(0, -1).findIndex((part) => LEFT_OUT.has(part));
      yield at < 0 ? { path: parts.join("/"), file } : { path: `${parts.slice(0, at + 1).join("/")}/` };
    }
  }

  async function* dropped(folder, above = "") {
    const reader = folder.createReader();
    for (;;) {
      const some = await new Promise((give, fail) => reader.readEntries(give, fail)); // at most a hundred at once
      if (!some.length) return;
      for (const entry of some) {
        const path = above + entry.name;
        if (entry.isFile) yield { path, file: await new Promise((give, fail) => entry.file(give, fail)) };
        else if (LEFT_OUT.has(entry.name)) yield { path: `${path}/` };
        else yield* dropped(entry, `${path}/`);
      }
    }
  }

  async function asFiles(name, found) {
    const entries = await packAll(found);
    if (!entries.some((entry) => entry.bytes.length)) throw new Error("The folder holds no files that can be read.");
    const transfer = new DataTransfer();
    transfer.items.add(new File([pack(entries)], `${name}.zip`, { type: "application/zip" }));
    return transfer;
  }

  async function attachChosen(picker) {
    const files = [...picker.files];
    picker.value = "";
    if (!files.length) return;
    try {
      const transfer = await asFiles(files[0].webkitRelativePath.split("/")[0], chosen(files));
      const input = document.getElementById("upload-button-input");
      input.files = transfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    } catch (error) {
      say(`The folder was not attached. ${error.message}`);
    }
  }

  // Chainlit would take a dropped folder's files without their paths, and only a few of them.
  async function onDrop(event) {
    const entries = [...(event.dataTransfer?.items || [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const folder = entries.find((entry) => entry.isDirectory);
    if (!folder) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const { target } = event;
    let transfer = new DataTransfer(); // without a file it still ends the page's state of being dropped on
    try {
      if (entries.length > 1) throw new Error("Drop one folder at a time.");
      transfer = await asFiles(folder.name, dropped(folder));
    } catch (error) {
      say(`The folder was not attached. ${error.message}`);
    }
    target.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer }));
  }
  document.addEventListener("drop", onDrop, true);

  function folderButton(clip) {
    const button = document.createElement("button");
    button.type = "button";
    button.id = "cloister-folder";
    button.className = clip.className;
    button.title = "Attach a folder";
    button.setAttribute("aria-label", "Attach a folder");
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [name, value] of Object.entries({
      viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": "2", "stroke-linecap": "round",
      "stroke-linejoin": "round", "aria-hidden": "true",
    })) icon.setAttribute(name, value);
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", ICON);
    icon.append(path);
    button.append(icon);
    const picker = document.createElement("input");
    picker.type = "file";
    picker.id = "cloister-folder-input";
    picker.webkitdirectory = true;
    picker.hidden = true;
    picker.addEventListener("change", () => attachChosen(picker));
    button.addEventListener("click", () => picker.click());
    return [picker, button];
  }

  let isPlanned = false;
  new MutationObserver(() => {
    if (isPlanned) return;
    isPlanned = true;
    setTimeout(() => {
      isPlanned = false;
      const clip = document.getElementById("upload-button");
      if (clip && !document.getElementById("cloister-folder")) clip.closest("span").after(...folderButton(clip));
    }, 50);
  }).observe(document, { childList: true, subtree: true });
})();
