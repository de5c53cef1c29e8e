// The reviewer's browser as an anchor: it keeps the last head of the log and checks that the newest one grew from it.
//
// Proofs: RFC 9162 section 2.1.4.2. Notes and keys: https://c2sp.org/signed-note. Nothing here trusts the server's
// word: a log that was set back, or rewritten and signed anew, does not grow from the head that lies here.
"use strict";
(() => {
  const HEAD = "/console/integrity/head";
  const CONFIRM = "/console/integrity/confirm";
  const KEPT = "cloister-head";
  const QUIET_MINUTES = 10; // pages other than the integrity page ask no more often
  const report = document.getElementById("anchor-report");
  const alarm = document.getElementById("anchor-alarm");
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const hex = (array) => Array.from(array, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const encode = (text) => new TextEncoder().encode(text);
  const same = (one, other) => hex(one) === hex(other);

  async function hashChildren(left, right) {
    const joined = new Uint8Array(65);
    joined[0] = 1;
    joined.set(left, 1);
    joined.set(right, 33);
    return new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
  }

  // Whether the newer tree begins with the older one. Sizes stay below 2^53; halving is by division for that reason.
  async function isConsistent(oldSize, newSize, proof, oldRoot, newRoot) {
    if (oldSize === newSize) return proof.length === 0 && same(oldRoot, newRoot);
    if (!(oldSize > 0 && oldSize < newSize) || proof.length === 0) return false;
    const isPower = Number.isInteger(Math.log2(oldSize)) && 2 ** Math.log2(oldSize) === oldSize;
    const path = isPower ? [oldRoot, ...proof] : [...proof];
    let place = oldSize - 1;
    let last = newSize - 1;
    while (place % 2 === 1) {
      place = Math.floor(place / 2);
      last = Math.floor(last / 2);
    }
    let oldNode = path[0];
    let newNode = path[0];
    for (const sibling of path.slice(1)) {
      if (last === 0) return false;
      if (place % 2 === 1 || place === last) {
        oldNode = await hashChildren(sibling, oldNode);
        newNode = await hashChildren(sibling, newNode);
        while (place % 2 === 0 && place > 0) {
          place = Math.floor(place / 2);
          last = Math.floor(last / 2);
        }
      } else {
        newNode = await hashChildren(newNode, sibling);
      }
      place = Math.floor(place / 2);
      last = Math.floor(last / 2);
    }
    return last === 0 && same(oldNode, oldRoot) && same(newNode, newRoot);
  }

  function parseNote(note) {
    const gap = note.lastIndexOf("\n\n");
    const text = note.slice(0, gap + 1);
    const [origin, size, root] = text.split("\n");
    if (!/^\d{1,16}$/.test(size)) throw new Error("no checkpoint");
    return { note, origin, size: Number(size), root: bytes(root), text, lines: note.slice(gap + 2).trimEnd().split("\n") };
  }

  const parseKey = (key) => {
    const [name, id, ...rest] = key.split("+");
    return { name, id, raw: bytes(rest.join("+")).slice(1) };
  };

  async function hasSigned(key, message, signature) {
    const imported = await crypto.subtle.importKey("raw", parseKey(key).raw, { name: "Ed25519" }, false, ["verify"]);
    return crypto.subtle.verify({ name: "Ed25519" }, imported, signature, message);
  }

  // Anybody who may write to the log can write an announcement, also one that is no Base64: that one is not signed.
  async function isSigned(each) {
    try {
      const message = encode(`cloister audit key\n${each.old}\n${each.new}\n`);
      return await hasSigned(each.old, message, bytes(each.signature));
    } catch (error) {
      if (error.name === "NotSupportedError") throw error;
      return false;
    }
  }

  // The key in force, led from one that is trusted through each announcement that it and its followers signed.
  async function follow(trusted, announced) {
    const keys = [trusted];
    for (const each of announced) {
      if (each.old === keys[keys.length - 1] && (await isSigned(each))) keys.push(each.new);
    }
    return keys;
  }

  // "checked", "skipped" where the browser or the server has not what it takes, or "wrong".
  async function checkSignature(head, trusted, announced) {
    if (!trusted) return "skipped";
    try {
      for (const key of await follow(trusted, announced)) {
        const { name, id } = parseKey(key);
        for (const line of head.lines) {
          const [, signer, blob] = line.split(" ");
          const raw = bytes(blob);
          if (signer === name && hex(raw.slice(0, 4)) === id && (await hasSigned(key, encode(head.text), raw.slice(4)))) {
            return "checked";
          }
        }
      }
    } catch (error) {
      return error.name === "NotSupportedError" ? "skipped" : "wrong";
    }
    return "wrong";
  }

  const read = () => {
    try {
      return JSON.parse(localStorage.getItem(KEPT));
    } catch {
      return null;
    }
  };

  function say(words, tone) {
    if (!report) return;
    const line = document.createElement("p");
    line.className = `state-line ${tone}`;
    line.textContent = words;
    report.replaceChildren(line);
  }

  function cry(words) {
    say(words, "block");
    alarm.textContent = words;
    alarm.hidden = false;
  }

  // Whoever leaves the page at once takes none of it with them.
  const tellServer = (word) =>
    fetch(CONFIRM, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(word),
      keepalive: true,
    });

  // The signed checkpoint that was kept: it shows the contradiction to whoever does not take this browser's word.
  const evidence = (kept) => (kept && kept.note ? { kept: kept.note } : {});

  async function compare(kept) {
    const answer = await fetch(`${HEAD}?from=${kept ? kept.size : 0}`, { headers: { accept: "application/json" } });
    const told = await answer.json();
    if (answer.status === 400 && kept) {
      const now = parseNote((await (await fetch(`${HEAD}?from=0`)).json()).note);
      return { isShrunk: true, size: now.size };
    }
    if (!answer.ok) throw new Error(told.detail);
    const head = parseNote(told.note);
    const fits =
      !kept ||
      (kept.origin === head.origin &&
        (await isConsistent(kept.size, head.size, told.proof.map(bytes), bytes(kept.root), head.root)));
    const trusted = (kept && kept.key) || told.first_key;
    return { head, fits, trusted, signature: await checkSignature(head, trusted, told.keys) };
  }

  async function run() {
    const kept = read();
    if (!report && kept && kept.alarm === undefined && Date.now() - kept.at < QUIET_MINUTES * 60000) return;
    if (!window.crypto || !crypto.subtle) {
      say("This browser cannot check anything here: the page was not opened by https, so it offers no WebCrypto.", "redact");
      return;
    }
    const found = await compare(kept);
    const seen = kept ? `On ${new Date(kept.at).toLocaleString(undefined, { dateStyle: "long", timeStyle: "short" })} this browser saw a log of ${kept.size.toLocaleString()} events` : "";
    if (found.isShrunk) {
      cry(`${seen}, and today’s is smaller. It was set back or cut off. Keep this page open, and tell whoever looks after the log and the works council.`);
      await tellServer({ size: found.size, seen: kept.size, does_continue: false, ...evidence(kept) });
      return;
    }
    const { head, fits, trusted, signature } = found;
    const word = { size: head.size, seen: kept ? kept.size : 0 };
    if (!fits || signature === "wrong") {
      cry(
        fits
          ? "The newest head is not signed by the key that this browser knows. Tell whoever looks after the log."
          : `${seen}, and today’s log of ${head.size.toLocaleString()} events does not grow from it: events that were there have been changed or taken out. Keep this page open, and tell whoever looks after the log and the works council.`,
      );
      await tellServer({ ...word, does_continue: false, ...evidence(kept) });
      return; // what was seen is kept: it is the evidence
    }
    const now = { note: head.note, origin: head.origin, size: head.size, root: btoa(String.fromCharCode(...head.root)), key: trusted, at: Date.now() };
    localStorage.setItem(KEPT, JSON.stringify(now));
    await tellServer({ ...word, does_continue: true });
    const signed = signature === "checked" ? "its signature is right" : "its signature was not checked (this browser or this server lacks what it takes)";
    say(
      kept
        ? `${seen}. Today’s ${head.size.toLocaleString()} events grow from it, and ${signed}.`
        : `This browser sees the log for the first time: ${head.size.toLocaleString()} events, and ${signed}. From now on it notices when the log is changed or cut.`,
      "allow",
    );
  }

  if (alarm) run().catch((error) => say(`Nothing could be checked now: ${error.message}`, "redact"));
})();
