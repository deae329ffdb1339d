// Small comforts; every page works without them.
(() => {
    "use strict";

    // Runs once per element, also when htmx swaps around it.
    const done = new WeakMap();
    const each = (root, selector, run) => {
        const found = [...root.querySelectorAll(selector)];
        if (root.matches?.(selector)) found.unshift(root);
        found.forEach((element) => {
            const selectors = done.get(element) ?? done.set(element, new Set()).get(element);
            if (selectors.has(selector)) return;
            selectors.add(selector);
            run(element);
        });
    };

    // Messages: the cross appears only when it can do something.
    const messages = (root) =>
        each(root, "[data-dismiss]", (button) => {
            button.hidden = false;
            button.addEventListener("click", () => {
                button.closest(".alert").remove();
                document.getElementById("contenu")?.focus({ preventScroll: true });
            });
        });

    // Menus: Escape or a press elsewhere closes them.
    const closeMenus = (except) =>
        document.querySelectorAll("details[data-menu][open]").forEach((menu) => {
            if (menu !== except) menu.open = false;
        });
    document.addEventListener("click", (event) => closeMenus(event.target.closest?.("details[data-menu]")));
    document.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        const menu = document.activeElement?.closest("details[data-menu][open]");
        closeMenus(null);
        menu?.querySelector("summary").focus();
    });

    // « / » leads to the search from any page, unless words are being typed or the person turned it off (WCAG 2.1.4).
    const SEARCH_KEY = "recherche-touche";
    const searchKey = {
        get on() { try { return localStorage.getItem(SEARCH_KEY) !== "non"; } catch { return true; } },
        set on(yes) { try { localStorage.setItem(SEARCH_KEY, yes ? "oui" : "non"); } catch { /* private window */ } },
    };
    const showSearchKey = () => {
        document.querySelectorAll("[data-recherche-touche]").forEach((key) => { key.hidden = !searchKey.on; });
    };
    const searching = (root) => {
        each(root, "[data-recherche-touche]", showSearchKey);
        each(root, "[data-recherche-reglage]", (line) => {
            const box = line.querySelector("input");
            line.hidden = false;
            box.checked = searchKey.on;
            box.addEventListener("change", () => {
                searchKey.on = box.checked;
                showSearchKey();
            });
        });
    };
    document.addEventListener("keydown", (event) => {
        if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
        if (event.target.closest?.("input, textarea, select, [contenteditable]") || !searchKey.on) return;
        if (document.querySelector("dialog[open]")) return;
        const field = ["[data-recherche-page]", "[data-recherche]"]
            .map((name) => document.querySelector(name))
            .find((found) => found?.checkVisibility());
        const link = document.querySelector("[data-recherche-lien]");
        if (!field && !link) return;
        event.preventDefault();
        if (field) {
            field.focus();
            field.select();
        } else {
            link.click();
        }
    });

    // Rail on a phone: the current room is in sight.
    const rail = (root) =>
        each(root, "[data-rail]", (nav) => {
            const current = nav.querySelector("[aria-current]");
            if (current) nav.scrollLeft = current.offsetLeft - (nav.clientWidth - current.offsetWidth) / 2;
        });

    // A field named « elements » hides form.elements, so the fields are looked up.
    const fields = (form) => form.querySelectorAll("input, select, textarea");

    // Unsaved words: <form data-unsaved>. Fields keep the value of the page in default*.
    const isDirty = (form) =>
        [...fields(form)].some((field) => {
            if (!field.name || field.type === "hidden" || field.disabled) return false;
            if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
            if (field.options) {
                const chosen = [...field.options];
                const given = chosen.some((option) => option.defaultSelected);
                return chosen.some((option, index) =>
                    option.selected !== (given || field.multiple ? option.defaultSelected : index === 0));
            }
            if (field.type === "file") return field.files.length > 0;
            return "defaultValue" in field && field.value !== field.defaultValue;
        });
    let leaving = false;
    document.addEventListener("submit", (event) => {
        if (event.target.matches("[data-unsaved]")) leaving = true;
    });
    window.addEventListener("pageshow", () => { leaving = false; });

    // Drafts: <form data-brouillon="address"> is sent there as it is typed; [data-brouillon-etat] says so. A section of a
    // longer form may have its own: its fields are sent under their names without its data-prefixe.
    const DRAFT_PAUSE = 2_000;
    const DRAFT_RETRY = 10_000;
    const kept = new WeakMap(); // form → what was last kept, as text
    const sending = (form) => {
        const whole = new URLSearchParams(new FormData(form.closest("form")));
        const prefix = form.dataset.prefixe;
        if (!prefix) return whole;
        const data = new URLSearchParams({ csrfmiddlewaretoken: whole.get("csrfmiddlewaretoken") });
        whole.forEach((value, name) => { if (name.startsWith(prefix) && name !== `${prefix}temoin`) data.append(name.slice(prefix.length), value); });
        return data;
    };
    const typed = (form) => {
        const data = sending(form);
        data.delete("csrfmiddlewaretoken");
        return data.toString();
    };
    const isKept = (form) => kept.has(form) && kept.get(form) === typed(form);
    window.addEventListener("beforeunload", (event) => {
        const parts = (form) => {
            const found = form.querySelectorAll("[data-brouillon]");
            return found.length ? [...found] : [form];
        };
        const forms = [...document.querySelectorAll("form[data-unsaved]")].flatMap(parts);
        if (!leaving && forms.some((form) => isDirty(form) && !isKept(form))) event.preventDefault();
    });
    const drafts = (root) =>
        each(root, "[data-brouillon]", (form) => {
            const state = form.querySelector("[data-brouillon-etat]");
            const address = form.dataset.brouillon;
            let timer;
            let post;
            const say = (words) => { state.textContent = words; };
            const later = (delay) => {
                clearTimeout(timer);
                timer = setTimeout(keep, delay);
            };
            // Somebody logged in again in another tab: the page they came from holds a token that works.
            const renewToken = async () => {
                const page = await fetch(location.href, { redirect: "manual" });
                if (!page.ok) return false;
                const fresh = new DOMParser().parseFromString(await page.text(), "text/html");
                const token = fresh.querySelector("form[data-unsaved] [name=csrfmiddlewaretoken]");
                if (!token) return false;
                form.closest("form").querySelector("[name=csrfmiddlewaretoken]").value = token.value;
                return true;
            };
            const keep = async (again = true) => {
                clearTimeout(timer);
                if (leaving || isKept(form)) return;
                const words = typed(form);
                post?.abort();
                post = new AbortController();
                let answer;
                try {
                    answer = await fetch(address, {
                        method: "POST",
                        body: sending(form),
                        redirect: "manual",
                        signal: post.signal,
                    });
                } catch (error) {
                    if (error.name === "AbortError") return;
                    say("Brouillon non gardé : le réseau ne répond pas. Ne fermez pas cette page, un nouvel essai suit.");
                    return later(DRAFT_RETRY);
                }
                if (answer.ok) {
                    kept.set(form, words);
                    say(await answer.text());
                    if (!isKept(form)) later(DRAFT_PAUSE);
                } else if (answer.type === "opaqueredirect" || answer.status === 403) {
                    if (again && answer.status === 403 && (await renewToken())) return keep(false);
                    say("Votre session a pris fin : connectez-vous de nouveau dans un autre onglet, puis revenez ici. Votre saisie reste dans cette page.");
                    later(DRAFT_RETRY);
                } else if (answer.status === 413) {
                    say(await answer.text());
                } else {
                    say("Brouillon non gardé : le portail ne répond pas comme prévu. Un nouvel essai suit.");
                    later(DRAFT_RETRY);
                }
            };
            form.addEventListener("input", () => later(DRAFT_PAUSE));
            form.addEventListener("change", () => later(DRAFT_PAUSE));
            form.closest("form").addEventListener("submit", () => {
                clearTimeout(timer);
                post?.abort();
            });
            // The tab closes or goes behind another: what is not kept yet leaves by the last post.
            document.addEventListener("visibilitychange", () => {
                if (document.visibilityState !== "hidden" || leaving || !timer || !isDirty(form) || isKept(form)) return;
                if (navigator.sendBeacon(address, sending(form))) kept.set(form, typed(form));
            });
        });

    // The session is about to end: <p data-session-fin="moment" data-prolonger="address"> says so, once, and offers to stay.
    const SESSION_WARNING = 10 * 60_000;
    const sessions = (root) =>
        each(root, "[data-session-fin]", (note) => {
            const words = note.textContent;
            const wait = () => {
                const left = Date.parse(note.dataset.sessionFin) - Date.now() - SESSION_WARNING;
                // Longer waits overflow the timer.
                setTimeout(() => (Date.parse(note.dataset.sessionFin) - Date.now() > SESSION_WARNING ? wait() : warn()), Math.min(Math.max(left, 0), 3_600_000));
            };
            const warn = () => {
                const button = document.createElement("button");
                button.type = "button";
                button.className = "btn btn-secondary btn-sm";
                button.textContent = "Rester connecté·e";
                button.addEventListener("click", async () => {
                    const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
                    try {
                        const answer = await fetch(note.dataset.prolonger, { method: "POST", redirect: "manual", headers: { "X-CSRFToken": token } });
                        if (!answer.ok) throw new Error(answer.status);
                        const { fin, heure } = await answer.json();
                        note.dataset.sessionFin = fin;
                        note.classList.remove("session-bientot");
                        note.textContent = `Votre session dure maintenant jusqu’au ${heure}.`;
                        wait();
                    } catch {
                        note.firstChild.textContent = "La session n’a pas pu être prolongée. Enregistrez : votre saisie sera gardée le temps que vous vous reconnectiez. ";
                    }
                });
                note.classList.add("session-bientot");
                note.setAttribute("role", "alert");
                note.textContent = `Votre session finit dans moins de dix minutes. ${words.trim()} `;
                note.append(button);
            };
            wait();
        });

    // One press, one sending: a second press of a form on its way is left aside. Coming back frees it.
    const sent = new Set();
    document.addEventListener("submit", (event) => {
        const form = event.target;
        if (event.defaultPrevented || form.method !== "post") return;
        if (sent.has(form)) return event.preventDefault();
        sent.add(form);
        setTimeout(() => sent.delete(form), 10_000);
    });
    window.addEventListener("pageshow", () => sent.clear());

    // Formsets: « Ajouter une ligne » copies the empty form; without JavaScript the blank rows of the server remain.
    const formsets = (root) =>
        each(root, "[data-formset]", (box) => {
            const button = box.querySelector("[data-formset-add]");
            const template = box.querySelector("template[data-formset-empty]");
            const rows = box.querySelector("[data-formset-rows]");
            const total = box.querySelector(`[name="${box.dataset.formset}-TOTAL_FORMS"]`);
            const most = box.querySelector(`[name="${box.dataset.formset}-MAX_NUM_FORMS"]`);
            if (!button || !template || !rows || !total) return;
            const full = () => most && Number(total.value) >= Number(most.value);
            button.hidden = full();
            button.addEventListener("click", () => {
                const index = total.value;
                const copy = document.createElement("template");
                copy.innerHTML = template.innerHTML.replaceAll("__prefix__", index);
                rows.append(copy.content);
                total.value = String(Number(index) + 1);
                button.hidden = full();
                rows.lastElementChild.dispatchEvent(new CustomEvent("ligne-ajoutee", { bubbles: true }));
                rows.lastElementChild.querySelector("input:not([type=hidden]), select, textarea")?.focus();
            });
        });

    // Filters apply as they are chosen; the button stays.
    const filters = (root) =>
        each(root, "form[data-autosubmit]", (form) => {
            let timer;
            const send = (delay) => {
                clearTimeout(timer);
                timer = setTimeout(() => form.requestSubmit(), delay);
            };
            form.addEventListener("change", (event) => {
                if (event.target.matches("select:not([multiple]), input[type=checkbox], input[type=radio]")) send(400);
            });
            // Empty fields stay out of the address.
            form.addEventListener("submit", () => {
                const empty = [...fields(form)].filter((field) => field.name && field.value === "" && !field.disabled);
                empty.forEach((field) => { field.disabled = true; });
                setTimeout(() => empty.forEach((field) => { field.disabled = false; }), 0);
            });
        });

    // An address to copy: <div data-copy> holds its field and a hidden button.
    const copies = (root) =>
        each(root, "[data-copy]", (box) => {
            const field = box.querySelector("input");
            const button = box.querySelector("[data-copy-button]");
            if (!navigator.clipboard) return;
            button.hidden = false;
            button.addEventListener("click", async () => {
                field.select();
                await navigator.clipboard.writeText(field.value);
                button.textContent = "Copié";
            });
        });

    // Ranking: <ol data-rank> whose rows move by their buttons, by the arrows or by dragging; the form saves them all at once.
    const ranks = (root) =>
        each(root, "[data-rank]", (list) => {
            const form = list.closest("form");
            const told = form.querySelector("[data-rank-told]");
            const save = form.querySelector("[data-rank-save]");
            const rows = () => [...list.children];
            let dragged = null;
            const changed = (row) => {
                save.hidden = false;
                told.textContent = `${row.dataset.rankName} : rang ${rows().indexOf(row) + 1} sur ${rows().length}, à enregistrer`;
            };
            const move = (row, up) => {
                const other = up ? row.previousElementSibling : row.nextElementSibling;
                if (!other) return;
                if (up) other.before(row);
                else other.after(row);
                changed(row);
            };
            rows().forEach((row) => {
                row.draggable = true;
                row.addEventListener("dragstart", () => { dragged = row; });
                row.addEventListener("dragover", (event) => {
                    if (!dragged) return;
                    event.preventDefault();
                    if (dragged === row) return;
                    if (rows().indexOf(dragged) < rows().indexOf(row)) row.after(dragged);
                    else row.before(dragged);
                });
                row.addEventListener("drop", (event) => event.preventDefault());
                row.addEventListener("dragend", () => {
                    if (dragged) changed(dragged);
                    dragged = null;
                });
                row.addEventListener("keydown", (event) => {
                    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
                    event.preventDefault();
                    const focused = document.activeElement;
                    move(row, event.key === "ArrowUp");
                    focused.focus();
                });
                row.querySelectorAll("[data-rank-move]").forEach((button) =>
                    button.addEventListener("click", (event) => {
                        event.preventDefault();
                        move(row, button.dataset.rankMove === "haut");
                        button.focus();
                    }));
            });
        });

    // Quoting: words selected in the panel of <a data-citer> go with it, before its press clears the selection.
    const CITATION_MAX = 1_000;
    const quotes = (root) =>
        each(root, "[data-citer]", (link) => {
            const panel = link.closest(".panel");
            const address = new URL(link.href);
            const quote = () => {
                const selection = getSelection();
                const inside = !selection.isCollapsed && panel.contains(selection.anchorNode) && panel.contains(selection.focusNode);
                const words = inside ? selection.toString().trim().slice(0, CITATION_MAX) : "";
                if (words) address.searchParams.set("citation", words);
                else address.searchParams.delete("citation");
                link.href = address;
            };
            link.addEventListener("pointerdown", quote);
            link.addEventListener("keydown", quote);
        });

    const start = (root) => {
        quotes(root);
        messages(root);
        rail(root);
        searching(root);
        formsets(root);
        drafts(root);
        sessions(root);
        filters(root);
        copies(root);
        ranks(root);
    };
    start(document);
    document.addEventListener("htmx:afterSwap", (event) => start(event.target));
})();
