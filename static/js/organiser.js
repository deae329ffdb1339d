// The plan is put in order by dragging; the buttons of the page do the same without this file.
(() => {
    "use strict";

    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    let pending = null; // where the dragged row stood, until the portal has answered

    const putBack = () => {
        if (!pending) return;
        const { item, from, next } = pending;
        from.insertBefore(item, next);
        pending = null;
    };
    const say = (words) => {
        putBack();
        document.getElementById("ordre-dit").textContent = words;
        const form = document.getElementById("ordre");
        form.querySelector(".alert")?.remove();
        const alert = document.createElement("div");
        alert.className = "alert alert-danger";
        alert.textContent = words;
        form.prepend(alert);
    };

    const start = () => {
        const form = document.getElementById("ordre");
        form?.querySelectorAll("[data-poignee]").forEach((handle) => { handle.hidden = false; });
        form?.querySelectorAll("[data-liste]").forEach((list) => {
            const kind = list.dataset.liste;
            let next = null;
            window.Sortable.create(list, {
                group: kind,
                handle: `[data-poignee="${kind}"]`,
                draggable: `[data-ligne^="${kind}-"]`,
                // One way for the mouse, the finger and the pen.
                forceFallback: true,
                fallbackOnBody: true,
                fallbackTolerance: 3,
                animation: calm.matches ? 0 : 120,
                onStart: ({ item }) => { next = item.nextElementSibling; },
                onEnd: ({ item, from, to }) => {
                    if (from === to && item.nextElementSibling === next) return;
                    pending = { item, from, next };
                    const before = item.previousElementSibling?.dataset.ligne.split("-")[1] ?? "";
                    window.htmx.ajax("POST", form.action, {
                        source: form,
                        target: form,
                        swap: "outerHTML settle:0ms",
                        select: "#ordre",
                        values: { geste: `${item.dataset.ligne}:dans:${to.dataset.contenant}:${before}` },
                    });
                },
            });
        });
    };

    // Logged out meanwhile, or no longer allowed: what comes is another page, which is opened whole.
    document.addEventListener("htmx:beforeSwap", (event) => {
        if (event.detail.target?.id !== "ordre" || event.detail.xhr.status >= 400) return;
        if (!event.detail.xhr.responseText.includes('id="ordre"')) {
            event.detail.shouldSwap = false;
            location.reload();
        }
        pending = null;
        // htmx would copy what the drag left in « style », which the policy forbids.
        event.detail.target.querySelectorAll("[style]").forEach((row) => row.removeAttribute("style"));
    });
    document.addEventListener("htmx:sendError", () =>
        say("Le réseau ne répond pas : rien n’a été déplacé. Recommencez."));
    document.addEventListener("htmx:responseError", () =>
        say("Le portail n’a pas accepté ce déplacement : rien n’a changé. Rechargez la page."));
    document.addEventListener("htmx:afterSettle", (event) => {
        if (event.target.id === "ordre" || event.detail.elt?.id === "ordre") start();
    });
    start();
})();
