"""Files attached to a fiche: checked, named, kept; seen and taken by whoever sees the fiche, and nobody else."""

import datetime
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse

from actions.documents import fiche_html
from actions.models import FicheAction, PieceJointe, for_screen
from ctg_portal.depots import read_depot
from ctg_portal.workflow import TransitionError
from tests.factories import (
    PDF,
    HabilitationFactory,
    PieceJointeFactory,
    PiloteFactory,
    UserFactory,
    complete_fiche,
)


def log_in(client, fiche, role="coordination", **fields):
    user = HabilitationFactory(convention=fiche.convention, role=role, **fields).user
    client.force_login(user)
    return user


def url(name, row):
    fiche = getattr(row, "fiche", row)
    return reverse(f"actions:{name}", args=[fiche.convention.code, row.pk])


def sent(name="Devis n° 12.pdf", content=PDF):
    return SimpleUploadedFile(name, content, "application/pdf")


def test_a_piece_is_kept_as_it_came_and_listed_on_the_fiche(client):
    fiche = complete_fiche()
    user = log_in(client, fiche, user=UserFactory(nom="Chargée de coopération"))

    page = client.post(
        url("piece_add", fiche),
        {"titre": "Devis du minibus", "date": "2026-03-01", "depot": sent()},
        follow=True,
    )

    piece = fiche.pieces.get()
    assert (piece.titre, piece.date, piece.nom_fichier, piece.taille, piece.auteur) == (
        "Devis du minibus",
        datetime.date(2026, 3, 1),
        "Devis n° 12.pdf",
        len(PDF),
        user,
    )
    assert piece.fichier.name.startswith("fiches/")
    assert "Devis" not in piece.fichier.name
    assert "Pièces jointes (1)" in page.text
    assert "Devis du minibus" in page.text
    assert "par Chargée de coopération" in page.text
    # On paper, its title and nothing of the file itself.
    html = fiche_html(for_screen(FicheAction.objects.filter(pk=fiche.pk)).get())
    assert re.findall(r'<th scope="row">\s*(Devis[^<]*?)\s*<', html) == ["Devis du minibus"]
    assert piece.sha256 not in html


def test_it_is_given_back_as_an_attachment(client):
    piece = PieceJointeFactory(nom_fichier="Devis é.pdf")
    log_in(client, piece.fiche, "lecture")

    response = client.get(url("piece_file", piece))

    assert response.content == PDF
    assert response.headers["Content-Type"] == "application/pdf"
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "private, no-store"


def test_a_file_gone_from_the_disk_is_not_an_error(client, media):
    piece = PieceJointeFactory()
    piece.fichier.storage.delete(piece.fichier.name)
    log_in(client, piece.fiche)

    assert client.get(url("piece_file", piece)).status_code == 404


@pytest.mark.parametrize(
    ("upload", "sentence"),
    [
        (lambda: None, "Ce champ est obligatoire."),
        (lambda: sent(content=b""), "vide"),
        (lambda: sent("facture.pdf", b"MZ\x90\x00" + b"\x00" * 60), "programme"),
        (lambda: sent("page.html", b"<script>alert(1)</script>"), "format accepté"),
        (lambda: sent("photo.svg", b"<svg onload='alert(1)'/>"), "format accepté"),
    ],
)
def test_what_is_not_a_document_is_refused_in_words(client, upload, sentence):
    fiche = complete_fiche()
    log_in(client, fiche)
    data = {"titre": "Devis", "date": ""} | ({"depot": upload()} if upload() else {})

    page = client.post(url("piece_add", fiche), data)

    assert sentence in " ".join(page.context["form"].errors["depot"])
    assert not PieceJointe.objects.exists()


@pytest.mark.parametrize(
    "data", [{"titre": "x" * 201}, {"titre": "a\x00b"}, {"date": "0026-01-01"}, {"date": "hier"}]
)
def test_hostile_words_are_refused(client, data):
    fiche = complete_fiche()
    log_in(client, fiche)

    page = client.post(url("piece_add", fiche), {"titre": "", "date": "", "depot": sent()} | data)

    assert list(page.context["form"].errors) == list(data)
    assert not PieceJointe.objects.exists()


def test_without_a_title_the_name_of_the_file_is_taken(client):
    fiche = complete_fiche()
    log_in(client, fiche)

    client.post(url("piece_add", fiche), {"titre": "  ", "date": "", "depot": sent("Devis n° 12.pdf")})

    assert fiche.pieces.get().titre == "Devis n° 12"


def test_replaced_and_withdrawn_nothing_is_lost(client):
    piece = PieceJointeFactory()
    fiche = piece.fiche
    user = log_in(client, fiche)

    client.post(url("piece_replace", piece), {"depot": sent("Deuxième.pdf"), "date": ""})
    second = fiche.pieces.courantes().get()
    assert (second.version, second.remplace, second.titre) == (2, piece, piece.titre)
    client.post(url("piece_withdraw", second))
    assert "Aucune pièce jointe." in client.get(fiche.get_absolute_url()).text
    page = client.get(url("pieces", fiche)).text
    assert "Remplacée par la version 2." in page
    assert "Retirée le" in page
    second.refresh_from_db()
    assert second.retiree_par == user

    client.post(url("piece_restore", second))

    assert list(fiche.pieces.courantes()) == [second]
    assert PieceJointe.objects.count() == 2


def test_former_and_withdrawn_ones_are_hidden_from_readers(client):
    piece = PieceJointeFactory()
    second = piece.replace(read_depot(sent(), "b.pdf"), by=UserFactory())
    third = PieceJointeFactory(fiche=piece.fiche, titre="Retirée")
    third.withdraw(by=UserFactory())
    log_in(client, piece.fiche, "lecture")

    found = [client.get(url("piece_file", row)).status_code for row in (piece, second, third)]

    assert found == [403, 200, 403]
    page = client.get(url("pieces", piece.fiche))
    assert (len(page.context["courantes"]), page.context["autres"]) == (1, [])


def test_a_confidential_fiche_hides_its_pieces(client):
    piece = PieceJointeFactory(fiche__confidentielle=True)
    log_in(client, piece.fiche, "lecture")

    assert client.get(url("piece_file", piece)).status_code == 404
    assert client.get(url("pieces", piece.fiche)).status_code == 404


def test_each_changes_its_own_and_the_coordination_all(client):
    piece = PieceJointeFactory()
    pilote = log_in(client, piece.fiche, "redaction")
    PiloteFactory(fiche=piece.fiche, user=pilote, nom="")
    own = PieceJointeFactory(fiche=piece.fiche, auteur=pilote)

    found = {row.pk: client.get(url("piece_replace", row)).status_code for row in (piece, own)}

    assert found == {piece.pk: 403, own.pk: 200}
    rights = {
        row.pk: modifiable for row, modifiable in client.get(url("pieces", piece.fiche)).context["courantes"]
    }
    assert rights == {piece.pk: False, own.pk: True}


def test_an_archived_fiche_takes_no_piece(client):
    fiche = complete_fiche()
    user = log_in(client, fiche)
    fiche.archive(by=user)

    page = client.post(url("piece_add", fiche), {"titre": "", "date": "", "depot": sent()})

    assert page.status_code == 200
    assert "archivée" in page.text
    assert not PieceJointe.objects.exists()


def test_the_second_of_two_people_is_told():
    piece, by = PieceJointeFactory(), UserFactory()
    piece.replace(read_depot(sent(), "b.pdf"), by=by)

    for act in (lambda: piece.withdraw(by=by), lambda: piece.replace(read_depot(sent(), "c.pdf"), by=by)):
        with pytest.raises(TransitionError, match="plus récente"):
            act()
    withdrawn = PieceJointeFactory()
    withdrawn.withdraw(by=by)
    with pytest.raises(TransitionError, match="a été retirée"):
        withdrawn.replace(read_depot(sent(), "c.pdf"), by=by)
    withdrawn.restore(by=by)
    with pytest.raises(TransitionError, match="déjà sur la fiche"):
        withdrawn.restore(by=by)


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("piecejointe_titre_non_vide", {"titre": ""}),
        ("piecejointe_version_suivante", {"version": 2}),
        (
            "piecejointe_retiree_par_quelqu_un",
            {"retiree_le": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)},
        ),
    ],
)
def test_rows_that_must_not_exist(name, fields):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        PieceJointeFactory(**fields)


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_does_not_grow(client, django_assert_num_queries, count):
    fiche = complete_fiche()
    for _ in range(count):
        PieceJointeFactory(fiche=fiche)
    log_in(client, fiche)

    with django_assert_num_queries(9):
        page = client.get(url("pieces", fiche))

    assert len(page.context["courantes"]) == count
