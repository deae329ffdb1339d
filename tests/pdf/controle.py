"""Is the tree of tags of a PDF sound? Our own eyes: validators accept trees that lead nowhere.

``faults(content)`` gives the faults of a file, each by its name: an empty set for a sound file.
"""

import io
import re
from collections import Counter

import pikepdf

STANDARD = {
    *("Document", "Part", "Art", "Sect", "Div", "BlockQuote", "Caption", "TOC", "TOCI", "Index", "NonStruct"),
    *("P", "H1", "H2", "H3", "H4", "H5", "H6", "L", "LI", "Lbl", "LBody", "Table", "TR", "TH", "TD"),
    *("THead", "TBody", "TFoot", "Span", "Quote", "Note", "Link", "Annot", "Figure", "Formula", "Form"),
}
PAINTING = {
    *("Tj", "TJ", "'", '"', "Do", "sh", "EI", "f", "F", "f*", "B", "B*", "b", "b*", "S", "s"),
}


def pairs(flat):
    found = list(flat)
    return list(zip(found[::2], found[1::2], strict=True))


def kids(element):
    found = element.get("/K")
    if found is None:
        return []
    return list(found) if isinstance(found, pikepdf.Array) else [found]


def marks(page):
    """The marked contents of a page: its MCIDs, how many strokes are outside any mark, and whether marks are closed."""
    found, stack, outside = Counter(), [], 0
    for operands, operator in pikepdf.parse_content_stream(page):
        name = str(operator)
        if name in ("BDC", "BMC"):
            number = None
            if len(operands) == 2 and "/MCID" in operands[1]:
                number = int(operands[1].MCID)
                found[number] += 1
            stack.append("artifact" if str(operands[0]) == "/Artifact" else number)
        elif name == "EMC":
            stack.pop()
        elif name in PAINTING and not any(mark is not None for mark in stack):
            outside += 1
    return found, outside, not stack


class Controle:
    def __init__(self, content):
        self.pdf = pikepdf.open(io.BytesIO(content))
        self.pages = [page.obj for page in self.pdf.pages]
        self.index = {page.objgen: number for number, page in enumerate(self.pages)}
        self.faults, self.asked = set(), set()
        self.seen = set()
        self.said = {}  # (page, mcid) → element
        self.ids, self.headers = Counter(), []
        self.levels, self.order = [], []
        self.linked = {}  # annotation → its Link element

    def check(self, is_sound, fault):
        self.asked.add(fault)
        if not is_sound:
            self.faults.add(fault)
        return is_sound

    def run(self):
        root = self.pdf.Root
        self.check(str(root.get("/Lang", "")), "no language")
        self.check(str(self.pdf.docinfo.get("/Title", "")), "no title")
        self.check(root.get("/ViewerPreferences", {}).get("/DisplayDocTitle") is True, "title not shown")
        self.check(root.get("/MarkInfo", {}).get("/Marked") is True, "not marked")
        with self.pdf.open_metadata() as metadata:
            self.check(metadata.get("pdfuaid:part") == "1", "no PDF/UA mark")
            self.check(str(self.pdf.docinfo.get("/Title", "")) == metadata.get("dc:title"), "two titles")
        if not self.check("/StructTreeRoot" in root, "no tree"):
            return self.faults
        tree = root.StructTreeRoot
        self.roles = {str(key): str(value) for key, value in tree.get("/RoleMap", {}).items()}
        self.read_parent_tree(tree)
        for element in kids(tree):
            self.walk(element, tree)
        self.check_headings()
        self.check_headers()
        self.check(self.order == sorted(self.order), "pages out of order")
        self.check_pages()
        self.check_annotations()
        if "/Outlines" in root:
            self.check_outline(root.Outlines)
        return self.faults

    def read_parent_tree(self, tree):
        entries = pairs(tree.ParentTree.Nums)
        numbers = [int(number) for number, _ in entries]
        self.check(numbers == sorted(set(numbers)), "parent tree out of order")
        self.check(int(tree.get("/ParentTreeNextKey", 0)) > max(numbers, default=-1), "next key taken")
        self.parents = {int(number): value for number, value in entries}
        used = [int(page.get("/StructParents", -1)) for page in self.pages]
        used += [
            int(annotation.get("/StructParent", -1))
            for page in self.pages
            for annotation in page.get("/Annots", ())
        ]
        self.check(len(used) == len(set(used)), "struct parents twice")
        self.check(set(used) == set(numbers), "parent tree entries without owner")

    def walk(self, element, parent):
        if not self.check(element.objgen not in self.seen, "element twice"):
            return
        self.seen.add(element.objgen)
        self.check(element.get("/P") is not None and element.P.objgen == parent.objgen, "wrong parent")
        role = str(element.S).removeprefix("/")
        self.check(role in STANDARD or self.roles.get(f"/{role}", "/")[1:] in STANDARD, "unknown role")
        if "/Pg" in element:
            self.check(element.Pg.objgen in self.index, "element of no page")
        if re.fullmatch("H[1-6]", role):
            self.levels.append(int(role[1]))
        if role == "Figure":
            self.check(str(element.get("/Alt", "")).strip(), "figure without words")
        if "/ID" in element:
            self.ids[bytes(element.ID)] += 1
        if role == "TD":
            headers = list(element.get("/A", {}).get("/Headers", ()))
            self.check(headers, "cell without header")
            self.headers += map(bytes, headers)
        for kid in kids(element):
            if isinstance(kid, int):
                self.mark(element, kid)
            elif kid.get("/Type") == "/OBJR":
                self.check(role in ("Link", "Form", "Annot"), "annotation outside its role")
                self.linked[kid.Obj.objgen] = element
            else:
                self.walk(kid, element)

    def mark(self, element, number):
        page = self.index.get(element.Pg.objgen)
        if page is None:
            return
        self.order.append(page)
        self.check((page, number) not in self.said, "mark twice")
        self.said[page, number] = element.objgen
        owner = int(self.pages[page].get("/StructParents", -1))
        known = self.parents.get(owner, ())
        self.check(number < len(known) and known[number].objgen == element.objgen, "mark not in parent tree")

    def check_headings(self):
        before = 0
        for level in self.levels:
            self.check(level <= before + 1, "heading level skipped")
            before = level

    def check_headers(self):
        self.check(all(number == 1 for number in self.ids.values()), "header twice")
        self.check(all(header in self.ids for header in self.headers), "unknown header")

    def check_pages(self):
        for number, page in enumerate(self.pdf.pages):
            found, outside, is_closed = marks(page)
            self.check(not outside, "strokes outside marks")
            self.check(is_closed, "mark left open")
            self.check(all(count == 1 for count in found.values()), "mark drawn twice")
            in_tree = {mark for where, mark in self.said if where == number}
            self.check(found.keys() <= in_tree, "mark not in tree")
            self.check(in_tree <= found.keys(), "mark not drawn")
            known = self.parents.get(int(page.obj.get("/StructParents", -1)), ())
            self.check(len(known) == len(in_tree), "parent tree of another length")

    def check_annotations(self):
        for page in self.pages:
            for annotation in page.get("/Annots", ()):
                self.check(str(annotation.get("/Contents", "")).strip(), "link without words")
                element = self.linked.pop(annotation.objgen, None)
                if self.check(element is not None, "link outside the tree"):
                    owner = self.parents.get(int(annotation.get("/StructParent", -1)))
                    self.check(
                        owner is not None and owner.objgen == element.objgen, "link not in parent tree"
                    )
                self.check("/Dest" in annotation or "/A" in annotation, "link without target")
                if "/Dest" in annotation:
                    self.check_place(annotation.Dest, "link to nowhere")
        self.check(not self.linked, "link on no page")

    def check_place(self, place, fault):
        is_place = isinstance(place, pikepdf.Array) and place[0].objgen in self.index
        self.check(is_place, fault)

    def check_outline(self, parent):
        before, item = None, parent.get("/First")
        while item is not None:
            self.check(item.Parent.objgen == parent.objgen, "bookmark of another parent")
            self.check(
                ("/Prev" in item) == (before is not None)
                and (before is None or item.Prev.objgen == before.objgen),
                "bookmarks badly linked",
            )
            self.check(str(item.Title).strip(), "bookmark without words")
            self.check_place(item.get("/Dest"), "bookmark to nowhere")
            if "/First" in item:
                self.check_outline(item)
            before, item = item, item.get("/Next")
        self.check(before is None or parent.Last.objgen == before.objgen, "bookmarks badly linked")


def faults(content, asked=None):
    """The faults of a file, by name; ``asked``, a set, receives the name of each thing that was looked at."""
    controle = Controle(content)
    found = controle.run()
    if asked is not None:
        asked |= controle.asked
    return found


def letters(page):
    """What each mark of a page writes."""
    fonts = {name: to_unicode(font) for name, font in page.Resources.Font.items()}
    font, stack, found = {}, [], Counter()
    written = {}
    for operands, operator in pikepdf.parse_content_stream(page):
        name = str(operator)
        if name in ("BDC", "BMC"):
            stack.append(int(operands[1].MCID) if len(operands) == 2 and "/MCID" in operands[1] else None)
        elif name == "EMC":
            stack.pop()
        elif name == "Tf":
            font = fonts[str(operands[0])]
        elif name in ("Tj", "TJ") and stack and stack[-1] is not None:
            strings = operands[0] if name == "TJ" else operands
            codes = b"".join(bytes(part) for part in strings if isinstance(part, pikepdf.String))
            text = "".join(font[codes[at : at + 2]] for at in range(0, len(codes), 2))
            written[stack[-1]] = written.get(stack[-1], "") + text
            found[stack[-1]] += 1
    return written


def to_unicode(font):
    lines = re.findall(r"^<(\w{4})> <(\w+)>$", bytes(font.ToUnicode.read_bytes()).decode(), re.MULTILINE)
    return {bytes.fromhex(code): bytes.fromhex(text).decode("utf-16-be") for code, text in lines}


def read_aloud(content):
    """The words of a file in the order of its tags."""
    pdf = pikepdf.open(io.BytesIO(content))
    index = {page.obj.objgen: letters(page) for page in pdf.pages}

    def walk(element):
        for kid in kids(element):
            if isinstance(kid, int):
                yield index[element.Pg.objgen].get(kid, "")
            elif kid.get("/Type") != "/OBJR":
                yield from walk(kid)

    return " ".join(word for element in kids(pdf.Root.StructTreeRoot) for word in walk(element))
