// The views of a plan: cards dragged on the board, cells changed in their place, the tree folded. Nothing here is needed to use them.
(() => {
    "use strict";

    const calm = matchMedia("(prefers-reduced-motion: reduce)");

    // One list of choices open at a time; Escape or a press elsewhere closes it.
    const closeOthers = (kept) =>
        document.querySelectorAll("details.facette[open]").forEach((row) => {
            if (row !== kept) row.open = false;
        });
    document.addEventListener("click", (event) => closeOthers(event.target.closest("details.facette")));
    document.addEventListener("keydown", (event) => {
        const open = event.key === "Escape" && event.target.closest("details.facette[open]");
        if (!open) return;
        open.open = false;
        open.querySelector("summary").focus();
    });

    // The board.
    let pending = null; // where the dragged card stood, until the portal has answered

    const putBack = () => {
        if (!pending) return;
        const { item, from, next } = pending;
        from.insertBefore(item, next);
        pending = null;
    };
    const say = (words) => {
        putBack();
        const form = document.getElementById("kanban");
        if (!form) return;
        document.getElementById("kanban-dit").textContent = words;
        form.querySelector(".alert")?.remove();
        const alert = document.createElement("div");
        alert.className = "alert alert-danger";
        alert.textContent = words;
        form.prepend(alert);
    };
    const board = () => {
        const form = document.getElementById("kanban");
        form?.querySelectorAll("[data-poignee]").forEach((handle) => { handle.hidden = false; });
        form?.querySelectorAll("[data-colonne]").forEach((list) => {
            let next = null;
            window.Sortable.create(list, {
                group: "cartes",
                sort: false,
                handle: "[data-poignee]",
                draggable: "[data-carte]:not([data-fixe])",
                // One way for the mouse, the finger and the pen.
                forceFallback: true,
                fallbackOnBody: true,
                fallbackTolerance: 3,
                emptyInsertThreshold: 40,
                animation: calm.matches ? 0 : 120,
                onStart: ({ item }) => { next = item.nextElementSibling; },
                onEnd: ({ item, from, to }) => {
                    if (from === to) return;
                    pending = { item, from, next };
                    window.htmx.ajax("POST", form.getAttribute("hx-post"), {
                        source: form,
                        target: form,
                        swap: "outerHTML settle:0ms",
                        select: "#kanban",
                        values: { geste: `${item.dataset.carte}:${to.dataset.colonne}` },
                    });
                },
            });
        });
    };

    // Logged out meanwhile, or no longer allowed: what comes is another page, which is opened whole.
    document.addEventListener("htmx:beforeSwap", (event) => {
        const { target, xhr } = event.detail;
        const isBoard = target?.id === "kanban";
        const isCell = target?.id?.startsWith("cellule-");
        if (!(isBoard || isCell) || xhr.status >= 400) return;
        if (!xhr.responseText.includes(isBoard ? 'id="kanban"' : "data-cellule")) {
            event.detail.shouldSwap = false;
            location.reload();
        }
        pending = null;
        // htmx would copy what the drag left in « style », which the policy forbids.
        target.querySelectorAll("[style]").forEach((row) => row.removeAttribute("style"));
    });
    const isOurs = (event) => {
        const { target } = event.detail;
        return target?.id === "kanban" || target?.id?.startsWith("cellule-");
    };
    const told = (event, words) => {
        if (!isOurs(event)) return;
        if (event.detail.target.id === "kanban") say(words);
        else {
            const cell = event.detail.target;
            cell.querySelector(".cellule-refus")?.remove();
            const note = document.createElement("span");
            note.className = "cellule-refus";
            note.setAttribute("role", "alert");
            note.textContent = words;
            cell.append(note);
        }
    };
    document.addEventListener("htmx:sendError", (event) =>
        told(event, "Le réseau ne répond pas : rien n’a changé. Recommencez."));
    document.addEventListener("htmx:responseError", (event) =>
        told(event, "Le portail n’a pas accepté ce changement : rien n’a changé. Rechargez la page."));
    document.addEventListener("htmx:afterSettle", (event) => {
        if (event.target.id === "kanban" || event.detail.elt?.id === "kanban") board();
    });
    board();

    // The tree: folded or not, kept while the tab is open.
    const tree = document.querySelector("[data-arbre]");
    if (tree) {
        const rows = () => [...document.querySelectorAll("details.arbre, details.arbre-objectif")];
        const key = `arbre:${location.pathname}`;
        const read = () => {
            try { return JSON.parse(sessionStorage.getItem(key)) || {}; } catch { return {}; }
        };
        const keep = () => {
            try { sessionStorage.setItem(key, JSON.stringify(Object.fromEntries(rows().map((row) => [row.id, row.open])))); } catch { /* nothing is kept */ }
        };
        const asked = new URLSearchParams(location.search).has("replie");
        const kept = asked ? {} : read();
        rows().forEach((row) => {
            if (row.id in kept) row.open = kept[row.id];
        });
        // An address that names a row opens it, and what holds it.
        for (let row = location.hash.length > 1 && document.getElementById(location.hash.slice(1)); row; row = row.parentElement) {
            if (row.matches("details")) row.open = true;
        }
        // Toggling is told to the row alone: heard on its way down, also from a row that came later.
        document.addEventListener("toggle", keep, true);
        tree.querySelectorAll("[data-arbre-tout]").forEach((link) =>
            link.addEventListener("click", (event) => {
                event.preventDefault();
                rows().forEach((row) => { row.open = link.dataset.arbreTout === "deplier"; });
                keep();
            }));
    }

    // A branch or a group whose fiches were just read: whoever asked by the keyboard is still there.
    document.addEventListener("htmx:load", (event) => {
        if (event.detail.elt.matches?.("details.arbre, details.arbre-objectif")) {
            event.detail.elt.querySelector("summary").focus({ preventScroll: true });
        }
    });

    document.querySelectorAll("[data-imprimer]").forEach((button) => {
        button.hidden = false;
        button.addEventListener("click", () => window.print());
    });
})();
