// The screen of a meeting: the clock of the point, and notes kept as they are typed, also while the network is away.
(() => {
    "use strict";

    const PAUSE = 1_500;
    const RETRY = 5_000;

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
    const store = {
        get: (key) => { try { return JSON.parse(localStorage.getItem(key)); } catch { return null; } },
        set: (key, value) => { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* full, or refused */ } },
        drop: (key) => { try { localStorage.removeItem(key); } catch { /* refused */ } },
    };

    document.querySelectorAll("form[data-notes]").forEach((form) => {
        const text = form.querySelector("textarea");
        const mark = form.querySelector("[name=empreinte]");
        const state = form.querySelector("[data-notes-etat]");
        const other = form.querySelector("[data-notes-autre]");
        const key = `ctg-notes:${form.dataset.notes}:${form.action}`;
        let timer;
        let busy = false;
        let kept = text.value;
        const say = (words) => { state.textContent = words; };
        const later = (delay) => { clearTimeout(timer); timer = setTimeout(send, delay); };

        const show = (saved) => {
            other.hidden = false;
            other.querySelector("[data-notes-texte]").textContent = saved || "(rien)";
            other.querySelector("[data-notes-deux]").onclick = () => {
                text.value = `${saved}\n\n${text.value}`.trim();
                other.hidden = true;
                later(0);
            };
            other.querySelector("[data-notes-mien]").onclick = () => { other.hidden = true; later(0); };
        };

        const send = async () => {
            clearTimeout(timer);
            if (busy || !other.hidden || text.value === kept) return;
            busy = true;
            const sent = text.value;
            let answer;
            try {
                answer = await fetch(form.action, {
                    method: "POST",
                    body: new URLSearchParams(new FormData(form)),
                    headers: { Accept: "application/json" },
                    redirect: "manual",
                });
            } catch {
                busy = false;
                say("Hors connexion : vos notes sont gardées sur cet appareil et partiront au retour du réseau.");
                return later(RETRY);
            }
            busy = false;
            if (answer.ok) {
                const { empreinte, dit } = await answer.json();
                mark.value = empreinte;
                kept = sent;
                text.defaultValue = sent;
                if (text.value === sent) store.drop(key);
                say(dit);
                if (text.value !== sent) later(PAUSE);
            } else if (answer.status === 409) {
                const { conflit, dit, enregistre, empreinte } = await answer.json();
                mark.value = empreinte;
                say(conflit ? "Un autre écran a enregistré des notes sur ce point." : dit);
                if (conflit) show(enregistre);
            } else if (answer.type === "opaqueredirect" || answer.status === 403) {
                say("Votre session a pris fin : vos notes sont gardées sur cet appareil. Connectez-vous dans un autre onglet, puis rechargez.");
            } else {
                say("Le portail ne répond pas comme prévu : vos notes sont gardées sur cet appareil. Un nouvel essai suit.");
                later(RETRY);
            }
        };

        text.addEventListener("input", () => {
            store.set(key, { texte: text.value, empreinte: mark.value });
            say("…");
            later(PAUSE);
        });
        // Sent by its button: the answer of the portal is a page.
        form.addEventListener("submit", () => { clearTimeout(timer); store.drop(key); });
        window.addEventListener("online", () => later(0));

        const waiting = store.get(key);
        if (waiting && waiting.texte !== text.value) {
            text.value = waiting.texte;
            mark.value = waiting.empreinte;
            say("Notes reprises de cet appareil, pas encore enregistrées.");
            later(0);
        } else if (waiting) {
            store.drop(key);
        }
    });
})();
