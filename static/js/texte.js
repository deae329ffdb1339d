// Long texts: <textarea data-texte> gets a bar of buttons, a preview, a clean paste; fields with a limit say what is left.
(() => {
    "use strict";

    const { barre, html, apercu } = document.currentScript.dataset; // addresses of the two libraries and of the preview
    const NEAR = 0.8; // from this share of the limit on, what is left is said

    const sprite = document.currentScript.dataset.icones;
    const icon = (name) => {
        const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
        svg.setAttribute("class", "icon");
        svg.setAttribute("aria-hidden", "true");
        svg.append(document.createElementNS(svg.namespaceURI, "use"));
        svg.firstChild.setAttribute("href", `${sprite}#${name}`);
        return svg;
    };

    // What is left: the browser must not cut what is pasted, so the field only says it and the portal refuses.
    const length = (field) => field.value.replace(/\r?\n/g, "\r\n").length;
    const counter = (field) => {
        const limit = Number(field.dataset.limite || field.getAttribute("maxlength"));
        if (!limit) return;
        field.removeAttribute("maxlength");
        const told = document.createElement("p");
        told.className = "compteur";
        told.setAttribute("role", "status");
        const say = () => {
            const left = limit - length(field);
            if (left >= limit * (1 - NEAR)) {
                told.textContent = "";
                return;
            }
            const figure = Math.abs(left).toLocaleString("fr-FR");
            const s = Math.abs(left) > 1 ? "s" : "";
            told.textContent = left < 0 ? `${figure} signe${s} de trop` : `encore ${figure} signe${s} possible${s}`;
            told.classList.toggle("compteur-trop", left < 0);
        };
        field.after(told);
        field.addEventListener("input", say);
        say();
    };

    // Words pasted from Word or from a page become plain text with our few signs.
    const LIENS = /^(https?:|mailto:)/i;
    const style = (node) => node.getAttribute("data-style") || "";
    let turndown;
    const reader = () => {
        if (turndown) return turndown;
        turndown = new TurndownService({ bulletListMarker: "-", strongDelimiter: "**" });
        turndown.escape = (text) => text; // our texts have no escapes
        const bare = (content) => content;
        turndown.addRule("sans", { filter: ["em", "i", "code", "pre", "blockquote", "u", "s"], replacement: bare });
        turndown.addRule("rien", { filter: ["style", "script", "title", "meta", "img", "hr", "xml", "o:p"], replacement: () => "" });
        turndown.addRule("titre", {
            filter: ["h1", "h2", "h3", "h4", "h5", "h6"],
            replacement: (content) => (content.trim() ? `\n\n**${content.trim().replaceAll("**", "")}**\n\n` : ""),
        });
        turndown.addRule("gras", {
            filter: (node) => ["B", "STRONG"].includes(node.nodeName),
            // Some programs wrap everything in a <b> that is not bold.
            replacement: (content, node) => {
                const words = content.trim();
                if (!words || /font-weight:\s*(normal|400)/i.test(style(node)) || words.includes("\n") || words.includes("**")) return content;
                return content.replace(words, `**${words}**`);
            },
        });
        turndown.addRule("lien", {
            filter: "a",
            replacement: (content, node) => {
                const href = node.getAttribute("href") || "";
                const words = content.trim();
                if (!words || !LIENS.test(href) || /[\s()]/.test(href)) return content;
                return words === href ? href : `[${words}](${href})`;
            },
        });
        // Word writes lists as paragraphs whose first words are the bullet.
        turndown.addRule("puce", {
            filter: (node) => node.nodeName === "P" && /mso-list|MsoList/i.test(style(node) + node.className),
            replacement: (content, node) => {
                const words = content.trim().replace(/\u00a0/g, " ");
                const level = Number(/level(\d)/.exec(style(node))?.[1] || 1);
                const indent = "   ".repeat(Math.min(level, 2) - 1);
                const number = /^(\d{1,2})[.)]\s+/.exec(words);
                if (number) return `\n${indent}${number[1]}. ${words.slice(number[0].length)}\n`;
                return `\n${indent}- ${words.replace(/^(?:[·•§■▪◦‣o-]|[^\w\s«"(])\s+/, "")}\n`;
            },
        });
        turndown.addRule("cellule", { filter: ["td", "th"], replacement: (content, node) => `${node.previousElementSibling ? " ; " : ""}${content.trim()}` });
        turndown.addRule("ligne", { filter: "tr", replacement: (content) => `\n${content}\n` });
        return turndown;
    };
    const clean = (source) => {
        // Styles are read, never applied: our policy forbids them.
        const inert = source.replace(/<!--[\s\S]*?-->/g, "").replace(/<style[\s\S]*?<\/style>/gi, "").replace(/\sstyle=/gi, " data-style=");
        const body = new DOMParser().parseFromString(inert, "text/html").body;
        return reader().turndown(body)
            .replace(/\n[ \t]+\n/g, "\n\n")
            .replace(/^([ \t]*(?:-|\d+\.))[ \t]+/gm, "$1 ")
            .replace(/\n{3,}/g, "\n\n")
            .trim();
    };
    const paste = (field) =>
        field.addEventListener("paste", (event) => {
            const source = event.clipboardData?.getData("text/html");
            if (!source || typeof TurndownService === "undefined") return;
            const words = clean(source);
            if (!words) return;
            event.preventDefault();
            // The only way that « undo » knows.
            if (!document.execCommand("insertText", false, words)) field.setRangeText(words, field.selectionStart, field.selectionEnd, "end");
        });

    // The bar: buttons of the library, and the preview.
    const BUTTONS = [
        ["md-bold", "type-bold", "Gras (Ctrl + B)"],
        ["md-unordered-list", "list-ul", "Liste à puces"],
        ["md-ordered-list", "list-ol", "Liste numérotée"],
        ["md-link", "link-45deg", "Lien (Ctrl + K)"],
    ];
    const bar = (field) => {
        const label = document.querySelector(`label[for="${field.id}"]`)?.textContent.replace("*", "").trim() || "ce texte";
        const toolbar = document.createElement("markdown-toolbar");
        toolbar.setAttribute("for", field.id);
        toolbar.className = "barre-texte";
        toolbar.setAttribute("aria-label", `Mise en forme : ${label}`);
        for (const [tag, name, title] of BUTTONS) {
            const button = document.createElement(tag);
            button.className = "btn btn-sm";
            button.setAttribute("role", "button");
            button.title = title;
            button.setAttribute("aria-label", title);
            button.append(icon(name));
            toolbar.append(button);
        }
        field.addEventListener("keydown", (event) => {
            const tag = { b: "md-bold", k: "md-link" }[event.key.toLowerCase()];
            if (!tag || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
            event.preventDefault();
            toolbar.querySelector(tag).click();
        });
        const view = document.createElement("button");
        view.type = "button";
        view.className = "btn btn-sm barre-apercu";
        view.textContent = "Aperçu";
        view.setAttribute("aria-pressed", "false");
        const shown = document.createElement("div");
        shown.className = "texte apercu";
        shown.tabIndex = 0;
        shown.hidden = true;
        shown.setAttribute("role", "region");
        shown.setAttribute("aria-label", `Aperçu : ${label}`);
        const write = () => {
            view.textContent = "Aperçu";
            view.setAttribute("aria-pressed", "false");
            shown.hidden = true;
            field.hidden = false;
        };
        view.addEventListener("click", async () => {
            if (!shown.hidden) {
                write();
                return field.focus();
            }
            const data = new FormData();
            data.set("texte", field.value);
            data.set("csrfmiddlewaretoken", field.form.querySelector("[name=csrfmiddlewaretoken]").value);
            try {
                const answer = await fetch(apercu, { method: "POST", body: data, redirect: "manual" });
                if (!answer.ok) throw new Error(answer.status);
                const page = new DOMParser().parseFromString(await answer.text(), "text/html");
                shown.replaceChildren(...page.body.childNodes);
                if (!shown.childNodes.length) shown.textContent = "Rien n’est écrit.";
            } catch {
                shown.textContent = "L’aperçu ne vient pas : le portail ne répond pas, ou votre session a pris fin. Votre texte est intact.";
            }
            view.textContent = "Écrire";
            view.setAttribute("aria-pressed", "true");
            shown.hidden = false;
            field.hidden = true;
            shown.focus();
        });
        field.form.addEventListener("submit", write);
        const line = document.createElement("div");
        line.className = "barre";
        line.append(toolbar, view);
        field.before(line);
        field.after(shown);
    };

    const done = new WeakSet();
    let libraries;
    const start = (root) => {
        const fresh = (selector) => [...root.querySelectorAll(selector)].filter((field) => !done.has(field));
        const texts = fresh("textarea[data-texte]").filter((field) => field.id && !field.id.includes("__prefix__"));
        fresh("input[maxlength], textarea[maxlength], textarea[data-limite]").forEach((field) => {
            done.add(field);
            counter(field);
        });
        if (!texts.length) return;
        libraries ??= import(barre);
        if (!document.querySelector(`script[src="${html}"]`)) {
            const script = document.createElement("script");
            script.src = html;
            document.head.append(script);
        }
        texts.forEach((field) => {
            done.add(field);
            paste(field);
            // Without the library the text is still a text.
            libraries.then(() => bar(field), () => {});
        });
    };
    start(document);
    document.addEventListener("htmx:afterSwap", (event) => start(event.target));
    document.addEventListener("ligne-ajoutee", (event) => start(event.target));
})();
