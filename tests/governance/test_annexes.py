"""Deposited files that follow a dossier: in the order of the agenda, as they were when it was issued."""

import io
import re

import page
import pikepdf
import pytest
from django.core.exceptions import ValidationError
from docx import Document as Docx

from ctg_portal.documents import DocumentError
from governance.documents import issue_dossier
from governance.emissions import draw_document
from governance.matiere import Matiere
from governance.models import PieceReunion, PointOrdreDuJour, SommaireDossier
from tests.factories import (
    PDF,
    PointOrdreDuJourFactory,
    ReunionFactory,
    UserFactory,
)
from tests.governance.test_dossier import COURTES, deposit, fill, issued
from tests.pdf.controle import faults
from tests.pdf.test_documents import words
from tests.world import build_world


def test_a_dossier_issued_is_not_the_draft_drawn_later(media):
    """The file says what was true when it was issued, even when the worker draws it after the edits."""
    world = build_world()
    piece = deposit(world.reunion)
    document = issue_dossier(world.reunion, by=world.people["coordination"])
    PointOrdreDuJour.objects.filter(reunion=world.reunion).update(intitule="Un autre point")
    piece.withdraw(by=world.people["coordination"])

    draw_document.func(str(document.pk))

    document.refresh_from_db()
    text = words(bytes(document.contenu))
    assert "Un autre point" not in text
    assert re.search(r"Annexe \d – Étude des besoins", text)


def test_annexes_follow_the_agenda_and_say_where_they_are(media):
    reunion = ReunionFactory()
    first, second = (PointOrdreDuJourFactory(reunion=reunion, ordre=rang) for rang in (1, 2))
    deposit(reunion, "De la réunion")
    deposit(reunion, "Du second point", point=second)
    deposit(reunion, "Du premier point", point=first)
    deposit(reunion, "Signatures", nature=PieceReunion.Nature.EMARGEMENT)
    deposit(reunion, "Retirée").withdraw(by=UserFactory())
    word = io.BytesIO()
    Docx().save(word)
    deposit(reunion, "Modèle", word.getvalue(), "modele.docx")

    found = [(row.rang, row.titre, row.point, row.suite) for row in Matiere(reunion).annexes]

    assert found == [
        (1, "Du premier point", 1, "À la fin du dossier : 1 page"),
        (2, "Du second point", 2, "À la fin du dossier : 1 page"),
        (3, "De la réunion", None, "À la fin du dossier : 1 page"),
        (4, "Modèle", None, "N’est pas un PDF : à lire dans le portail, ou à demander."),
    ]


def test_annexes_that_were_not_chosen_are_not_appended(media):
    reunion = ReunionFactory()
    deposit(reunion)
    SommaireDossier.choose(reunion, parties=["ordre_du_jour"], fiches=COURTES)
    reunion.refresh_from_db()

    document = issued(reunion, UserFactory())

    assert not document.annexes.exists()
    assert "Annexe 1" not in words(bytes(document.contenu))


def test_an_issued_dossier_with_annexes_is_accessible(media):
    reunion = ReunionFactory()
    fill(reunion, 1)
    deposit(reunion)
    deposit(reunion, "Carte des équipements")

    document = issued(reunion, UserFactory())

    content = bytes(document.contenu)
    assert page.validate_pdf_bytes(content, profile=page.ValidationProfile.PDF_UA_1).failures == []
    assert faults(content) == set()
    assert "À la fin du dossier : 1 page" in document.html.replace("\xa0", " ")
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert len(pdf.pages) == document.pages


def test_a_stored_annexe_that_changed_is_never_sent(media):
    reunion = ReunionFactory()
    piece = deposit(reunion)
    document = issue_dossier(reunion, by=UserFactory())
    (media / piece.fichier.name).write_bytes(PDF + b"\n% change")

    with pytest.raises(DocumentError, match="annexe 1"):
        draw_document.func(str(document.pk))

    document.refresh_from_db()
    assert (document.statut, document.contenu) == ("echec", None)


def test_a_lost_annexe_is_listed(media):
    reunion = ReunionFactory()
    piece = deposit(reunion)
    (media / piece.fichier.name).unlink()

    (annexe,) = Matiere(reunion).annexes

    assert annexe.suite == "Le fichier n’est plus là : il n’est pas joint."


def test_too_many_annexes_do_not_make_a_file_nobody_can_open(media, monkeypatch):
    reunion = ReunionFactory()
    deposit(reunion)
    deposit(reunion, "Encore")
    PieceReunion.objects.filter(titre="Encore").update(taille=30_000_000)

    assert [row.suite for row in Matiere(reunion).annexes] == [
        "À la fin du dossier : 1 page",
        "Le dossier serait trop lourd : elle est à demander.",
    ]


def test_an_annexe_is_appended_or_has_a_reason():
    reunion = ReunionFactory()
    document = issue_dossier(reunion, by=UserFactory())
    row = {"document": document, "rang": 1, "titre": "Étude"}

    for fields in ({"pages": 2, "refus": "Non"}, {"pages": None, "refus": ""}, {"pages": 0, "refus": ""}):
        with pytest.raises(ValidationError, match="Une annexe a des pages, ou une raison"):
            document.annexes.model(**row, **fields).validate_constraints()
