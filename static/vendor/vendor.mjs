// Rewrites static/vendor, static/fonts and tests/browser/axe.min.js from node_modules.
// To use it: npm ci && npm run vendor, then commit. A new icon: add its name below first (https://icons.getbootstrap.com).
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const ICONS = `
archive arrow-counterclockwise arrow-down arrow-left arrow-repeat arrow-right arrow-up
bank bar-chart bell book bookmark box-arrow-right box-arrow-up-right building buildings bullseye
calendar-check calendar-event calendar-plus calendar3 cash-coin chat-dots chat-left-text chat-quote check-circle check-lg
chevron-down chevron-left chevron-right chevron-up circle circle-fill circle-half clipboard-check clipboard-data
clock clock-history compass copy currency-euro dash-circle diagram-3 download
envelope exclamation-circle exclamation-triangle eye eye-slash
file-earmark-excel file-earmark-pdf file-earmark-text file-earmark-word file-text flag folder folder2-open funnel
gear geo-alt globe graph-up grip-vertical hammer hourglass-split house info-circle journal-text
kanban key layers lightbulb link-45deg list list-check list-nested list-ol list-ul lock map megaphone mic
paperclip pause pencil people person person-circle person-plus pin-map play plus-lg printer question-circle
reply search send shield-check signpost-2 sliders sort-down sort-up star
table tag tags telephone three-dots trash type-bold unlock upload x-circle x-lg
`.trim().split(/\s+/);

const modules = "node_modules";
const fresh = (folder) => {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    return folder;
};
const version = (name) => JSON.parse(readFileSync(`${modules}/${name}/package.json`, "utf8")).version;

const bootstrap = fresh("static/vendor/bootstrap");
// Its source map is not shipped, and the manifest storage refuses a reference to an absent file.
const css = readFileSync(`${modules}/bootstrap/dist/css/bootstrap.min.css`, "utf8");
writeFileSync(`${bootstrap}/bootstrap.min.css`, css.replace(/\/\*# sourceMappingURL=.*?\*\//, "").trimEnd() + "\n");
cpSync(`${modules}/bootstrap/LICENSE`, `${bootstrap}/LICENSE`);

const htmx = fresh("static/vendor/htmx");
cpSync(`${modules}/htmx.org/dist/htmx.min.js`, `${htmx}/htmx.min.js`);
cpSync(`${modules}/htmx.org/LICENSE`, `${htmx}/LICENSE`);

const toolbar = fresh("static/vendor/markdown-toolbar-element");
cpSync(`${modules}/@github/markdown-toolbar-element/dist/index.js`, `${toolbar}/index.js`);
cpSync(`${modules}/@github/markdown-toolbar-element/LICENSE`, `${toolbar}/LICENSE`);

const turndown = fresh("static/vendor/turndown");
cpSync(`${modules}/turndown/dist/turndown.js`, `${turndown}/turndown.js`);
cpSync(`${modules}/turndown/LICENSE`, `${turndown}/LICENSE`);

const sortable = fresh("static/vendor/sortablejs");
cpSync(`${modules}/sortablejs/Sortable.min.js`, `${sortable}/Sortable.min.js`);
cpSync(`${modules}/sortablejs/LICENSE`, `${sortable}/LICENSE`);

const icons = fresh("static/vendor/bootstrap-icons");
const symbols = ICONS.map((name) => {
    const svg = readFileSync(`${modules}/bootstrap-icons/icons/${name}.svg`, "utf8");
    const [, viewBox] = svg.match(/viewBox="([^"]+)"/);
    const body = svg.replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "").replace(/\s*\n\s*/g, "");
    return `<symbol id="${name}" viewBox="${viewBox}">${body}</symbol>`;
});
writeFileSync(`${icons}/sprite.svg`, `<svg xmlns="http://www.w3.org/2000/svg" fill="currentColor">\n${symbols.join("\n")}\n</svg>\n`);
cpSync(`${modules}/bootstrap-icons/LICENSE`, `${icons}/LICENSE`);

// The screen takes .woff2; WeasyPrint opens .ttf 0.35 s faster per file.
const fonts = fresh("static/fonts");
for (const style of ["Regular", "It", "Semibold", "SemiboldIt"]) {
    cpSync(`${modules}/source-sans/WOFF2/TTF/SourceSans3-${style}.ttf.woff2`, `${fonts}/SourceSans3-${style}.woff2`);
    cpSync(`${modules}/source-sans/TTF/SourceSans3-${style}.ttf`, `${fonts}/SourceSans3-${style}.ttf`);
}
cpSync(`${modules}/source-sans/LICENSE.md`, `${fonts}/LICENSE.md`);

mkdirSync("tests/browser", { recursive: true });
cpSync(`${modules}/axe-core/axe.min.js`, "tests/browser/axe.min.js");

const names = ["bootstrap", "htmx.org", "bootstrap-icons", "sortablejs", "source-sans", "@github/markdown-toolbar-element", "turndown", "axe-core"];
writeFileSync("static/vendor/VERSIONS.txt", names.map((name) => `${name} ${version(name)}\n`).join(""));
