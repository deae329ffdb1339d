// The screen of a meeting: the clock of the point, and notes kept as they are typed, also while the network is away.
(() => {
    "use strict";

    const PAUSE = 1_500;
    const RETRY = 5_000;
    // Bytes that a page on its way out may still send: browsers stop at 64 KiB.
    const LAST_POST = 60_000;

    document.querySelectorAll("[data-chrono]").forEach((clock) => {
        const since = new Date(clock.dataset.chrono).getTime();
        const planned = Number(clock.dataset.prevu) * 60_000;
        const tick = () => {
            const spent = Math.max(0, Date.now() - since);
            const two = (number) => String(number).padStart(2, "0");
            clock.textContent = `${Math.floor(spent / 60_000)} min ${two(Math.floor(spent / 1_000) % 60)}`;
            clock.classList.toggle("text-danger", planned > 0 && spent > planned);
        };
        tick();
        setInterval(tick, 1_000);
    });

    // What is typed stays on this device until the portal has said that it holds it, then goes from here.
    // { texte, empreinte: what it was written on, partis: texts sent without an answer }
    const memory = new Map(); // where the browser keeps nothing
    const store = {
        get: (key) => {
            if (memory.has(key)) return memory.get(key);
            try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
        },
        set: (key, value) => {
            memory.set(key, value);
            try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* full, or refused */ }
        },
        drop: (key) => {
            memory.delete(key);
            try { localStorage.removeItem(key); } catch { /* refused */ }
        },
        keys: (start) => {
            try { return Object.keys(localStorage).filter((key) => key.startsWith(start)); } catch { return []; }
        },
    };

    // As the portal keeps them: one sign for the end of a line, nothing blank around.
    const plain = (text) => text.replace(/\r\n?/g, "\n").trim();
    const same = (one, other) => plain(one) === plain(other);

    // Sends what waits under the key. `held` is what the portal now holds of it: also when it had taken an earlier text
    // of this device, whose answer was lost on the way. Somebody else's words are told by `said.conflit`.
    const deliver = async (key, action, token) => {
        const { texte, empreinte, partis = [] } = store.get(key);
        const sent = [...new Set([...partis, texte])];
        store.set(key, { texte, empreinte, partis: sent });
        const body = new URLSearchParams({ csrfmiddlewaretoken: token, notes: texte, empreinte });
        const answer = await fetch(action, {
            method: "POST",
            body,
            headers: { Accept: "application/json" },
            redirect: "manual",
            keepalive: body.toString().length < LAST_POST,
        });
        if (!answer.ok && answer.status !== 409) return { answer };
        const said = await answer.json();
        const mine = said.conflit && sent.some((text) => same(text, said.enregistre));
        if (!answer.ok && !mine) return { answer, said };
        const held = answer.ok ? texte : said.enregistre;
        const now = store.get(key) ?? { texte };
        if (same(now.texte, held)) store.drop(key);
        else store.set(key, { texte: now.texte, empreinte: said.empreinte });
        return { answer, said, held };
    };

    document.querySelectorAll("form[data-notes]").forEach((form) => {
        const text = form.querySelector("textarea");
        const mark = form.querySelector("[name=empreinte]");
        const token = form.querySelector("[name=csrfmiddlewaretoken]");
        const state = form.querySelector("[data-notes-etat]");
        const other = form.querySelector("[data-notes-autre]");
        const elsewhere = form.querySelector("[data-notes-ailleurs]");
        const mine = `ctg-notes:${form.dataset.notes}:`;
        const key = mine + form.action;
        let timer;
        let leaving = null; // the text on its way
        let kept = text.value;
        const say = (words) => { state.textContent = words; };
        const later = (delay) => { clearTimeout(timer); timer = setTimeout(send, delay); };
        const keep = () => store.set(key, { ...store.get(key), texte: text.value, empreinte: mark.value });

        const show = ({ enregistre, empreinte }) => {
            other.hidden = false;
            other.querySelector("[data-notes-texte]").textContent = enregistre || "(rien)";
            const choose = (words) => {
                text.value = words;
                mark.value = empreinte;
                other.hidden = true;
                keep();
                later(0);
            };
            other.querySelector("[data-notes-deux]").onclick = () => choose(`${enregistre}\n\n${text.value}`.trim());
            other.querySelector("[data-notes-mien]").onclick = () => choose(text.value);
        };

        const send = async () => {
            clearTimeout(timer);
            if (leaving !== null || !other.hidden || text.value === kept) return;
            keep();
            leaving = text.value;
            let result;
            try {
                result = await deliver(key, form.action, token.value);
            } catch {
                leaving = null;
                say("Hors connexion : vos notes sont gardées sur cet appareil et partiront au retour du réseau.");
                return later(RETRY);
            }
            leaving = null;
            const { answer, said, held } = result;
            if (held !== undefined) {
                mark.value = said.empreinte;
                kept = same(text.value, held) ? text.value : held;
                text.defaultValue = kept;
                say(answer.ok ? said.dit : "Enregistré.");
                if (text.value !== kept) later(answer.ok ? PAUSE : 0);
            } else if (said) {
                say(said.conflit ? "Un autre écran a enregistré des notes sur ce point." : said.dit);
                if (said.conflit) show(said);
            } else if (answer.type === "opaqueredirect" || answer.status === 403) {
                say("Votre session a pris fin : vos notes sont gardées sur cet appareil. Connectez-vous dans un autre onglet, puis rechargez.");
            } else {
                say("Le portail ne répond pas comme prévu : vos notes sont gardées sur cet appareil. Un nouvel essai suit.");
                later(RETRY);
            }
        };

        text.addEventListener("input", () => {
            keep();
            say("…");
            later(PAUSE);
        });
        // The button does as the pause does: nothing goes from the device before the portal has answered.
        form.addEventListener("submit", (event) => {
            event.preventDefault();
            if (!other.hidden) say("Choisissez d’abord ce qui est gardé des deux textes.");
            else if (text.value === kept) say("Tout est déjà enregistré.");
            else send();
        });
        window.addEventListener("online", () => later(0));
        document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") send(); });
        // The page goes, by a link, another form or the end of the tab: the last words leave with it. The next page of
        // the meeting looks at what became of them.
        window.addEventListener("pagehide", () => {
            if (leaving === text.value || !other.hidden || text.value === kept) return;
            keep();
            deliver(key, form.action, token.value).catch(() => { /* they wait on the device */ });
        });

        const waiting = store.get(key);
        if (waiting && !same(waiting.texte, text.value)) {
            text.value = waiting.texte;
            mark.value = waiting.empreinte;
            say("Notes reprises de cet appareil, pas encore enregistrées.");
            later(0);
        } else if (waiting) {
            store.drop(key);
        }

        // Words on the other points of this meeting that wait on the device leave from here, each from its own mark. A
        // point where somebody else wrote meanwhile is named: its page shows both texts.
        const points = form.action.replace(/\d+\/notes\/$/, "");
        store.keys(mine + points).filter((found) => found !== key).forEach(async (found) => {
            const action = found.slice(mine.length);
            const point = document.getElementById(`odj-${action.match(/(\d+)\/notes\/$/)?.[1]}`);
            try {
                // A second time when the portal held an earlier text of this device.
                await deliver(found, action, token.value);
                if (store.get(found) && !store.get(found).partis) await deliver(found, action, token.value);
            } catch { /* still away: they wait */ }
            if (!store.get(found) || !point) return;
            const link = Object.assign(document.createElement("a"), { href: point.href, textContent: point.textContent });
            elsewhere.querySelector("ul").appendChild(document.createElement("li")).appendChild(link);
            elsewhere.hidden = false;
        });
    });

    // Known to be offline: the other forms stay as they are typed, instead of the error page of the browser.
    document.addEventListener("submit", (event) => {
        const form = event.target;
        if (navigator.onLine || form.method !== "post" || form.matches("[data-notes]")) return;
        event.preventDefault();
        event.stopImmediatePropagation();
        const warning = form.querySelector("[data-hors-connexion]") ?? document.querySelector("[data-hors-connexion]");
        warning.hidden = false;
        warning.scrollIntoView({ block: "nearest" });
    }, true);
    window.addEventListener("online", () => {
        document.querySelectorAll("[data-hors-connexion]").forEach((warning) => { warning.hidden = true; });
    });
})();
