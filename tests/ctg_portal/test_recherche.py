"""Words are found whatever their accents and endings, by those who may read them, and quoted as they were written."""

import unicodedata

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from actions.models import Commentaire, FicheAction, Note
from ctg_portal.plein_texte import Requete, extrait, marques, sans_accents, vecteur_of
from ctg_portal.recherche import PAR_PAGE, SOURCES, Recherche
from governance.models import CompteRendu, PartieCompteRendu
from tests.factories import (
    DecisionFactory,
    DocumentFactory,
    EtapeFactory,
    FicheActionFactory,
    HabilitationFactory,
    IndicateurSuiviFactory,
    OrganisationFactory,
    PieceJointeFactory,
    PieceReunionFactory,
    PiloteFactory,
    PointOrdreDuJourFactory,
    ReunionFactory,
    UserFactory,
    complete_fiche,
)
from tests.world import build_world

URL = reverse("recherche")


def search(user, question, convention=None, genre="", page=None):
    return Recherche(user, question, convention=convention, genre=genre, page=page)


def titles(found):
    return ["".join(morceau.texte for morceau in resultat.titre) for resultat in found.resultats]


@pytest.fixture
def fiche():
    return complete_fiche(
        code="1.1",
        intitule="Créer une micro-crèche à Lœuilly",
        modalites="Les élus préparent l’ouverture d’un accueil **itinérant** pour les enfants.",
    )


@pytest.fixture
def reader(fiche):
    return HabilitationFactory(convention=fiche.convention, role="lecture").user


def test_found_whatever_the_accents_and_endings(fiche, reader):
    questions = [
        *(
            "crèche",
            "CRECHES",
            "creche",
            "micro-crèche",
            "loeuilly",
            "préparer",
            "l'ouverture",
            "l’ouverture",
        ),
        *("itinérants", "accueil itin", '"accueil itinérant"', "1.1", "crèche -ludothèque"),
        unicodedata.normalize("NFD", "crèche"),
    ]
    found = {question: titles(search(reader, question, genre="fiche")) for question in questions}
    assert found == dict.fromkeys(questions, [f"1.1 {fiche.intitule}"])


def test_people_and_partners_lead_to_their_fiches_under_the_name_that_the_page_shows(fiche, reader):
    hidden = complete_fiche(axe=fiche.axe, intitule="Cachée", confidentielle=True)
    person = UserFactory(nom="Élise Martin", email="elise@exemple.fr")
    for one in (fiche, hidden):
        PiloteFactory(fiche=one, user=person, nom="Ancienne écriture", fonction="Directrice")
    fiche.partenaires.create(organisation=OrganisationFactory(nom="Mission locale"), nom="", role="Accueil")

    (found,) = search(reader, "elise martin").resultats
    assert ([morceau.texte for morceau in found.titre], found.lieu) == (["Élise", " ", "Martin"], str(fiche))
    assert found.url == f"{fiche.get_absolute_url()}#equipe"
    assert titles(search(reader, "missions locales", genre="partenaire")) == ["Mission locale"]
    assert titles(search(reader, "directrice")) == ["Élise Martin"]
    assert search(reader, "ancienne écriture").total == 0
    assert search(reader, "elise@exemple.fr").total == 0


def test_accents_written_as_signs_of_their_own_are_found_and_marked(fiche, reader):
    """As macOS writes them."""
    FicheAction.objects.filter(pk=fiche.pk).update(intitule=unicodedata.normalize("NFD", fiche.intitule))
    (found,) = search(reader, "crèches", genre="fiche").resultats
    assert [morceau.texte for morceau in found.titre if morceau.trouve] == ["crèche"]


def test_not_found(reader):
    for question in (
        "",
        " ",
        "le",
        "ludothèque",
        "crèche -micro",
        '"itinérant accueil"',
        "!!!",
        "&|:*",
        '"',
        "a" * 200,
    ):
        found = search(reader, question)
        assert (found.total, found.resultats, found.genres) == (0, [], []), question


def test_a_word_of_the_title_comes_first(fiche, reader):
    FicheActionFactory(
        plan=fiche.plan, axe=fiche.axe, objectif=None, intitule="Autre", besoins="crèche crèche crèche crèche"
    )
    assert titles(search(reader, "crèche"))[0].startswith("1.1 Créer")


def test_found_words_are_marked_with_their_accents(fiche, reader):
    (found,) = search(reader, "creches loeuilly").resultats
    assert [morceau.texte for morceau in found.titre if morceau.trouve] == ["crèche", "Lœuilly"]
    (found,) = search(reader, "itinérants").resultats
    assert "".join(morceau.texte for morceau in found.extrait).count("accueil itinérant pour") == 1
    assert [morceau.texte for morceau in found.extrait if morceau.trouve] == ["itinérant"]


def test_every_kind_leads_to_a_page_that_opens(client):
    world = build_world()
    fiche, by = world.fiche, world.people["coordination"]
    mot = "zébulon"
    FicheAction.objects.filter(pk=fiche.pk).update(intitule=f"Fiche {mot}")
    EtapeFactory(fiche=fiche, intitule=mot)
    IndicateurSuiviFactory(fiche=fiche, intitule=mot)
    Note.objects.create(fiche=fiche, texte=mot, auteur=by)
    PiloteFactory(fiche=fiche, nom=mot)
    fiche.partenaires.create(nom=mot)
    FicheAction.objects.filter(pk=fiche.pk).update(structure_pilote=OrganisationFactory(nom=f"Centre {mot}"))
    fiche.bilans.create(annee=world.convention.fin.year, realise=mot)
    fil = Commentaire.objects.create(fiche=fiche, section="contexte", texte=mot, auteur=by)
    fil.suites.create(geste="reponse", texte=mot, auteur=by)
    PieceJointeFactory(fiche=fiche, titre=mot)
    world.reunion.notes = mot
    world.reunion.save()
    PointOrdreDuJourFactory(reunion=world.reunion, intitule=mot)
    DecisionFactory(convention=world.convention, reunion=world.reunion, texte=mot)
    DocumentFactory(convention=world.convention, titre=mot)
    PieceReunionFactory(reunion=world.reunion, titre=mot)
    soumis = CompteRendu.objects.create(
        reunion=world.reunion, auteur=by, statut="soumis", document=world.objects["document"]
    )
    soumis.parties.create(titre=mot, texte="Ce qui a été dit.")
    # Minutes that are being written are read by nobody yet.
    PartieCompteRendu.objects.exclude(compte_rendu=soumis).update(titre=mot)
    emis = world.convention.documents.prets().first()
    assert emis is not None

    found = search(by, mot)
    sources = {resultat.source.cle for resultat in found.resultats}
    assert {source.cle for source in SOURCES} - sources == {"emis"}
    assert [genre.nombre for genre in found.genres if genre.source.cle == "compte_rendu"] == [1]
    # To the version that was submitted: whoever reads it finds the words there.
    minutes = [resultat for resultat in found.resultats if resultat.source.cle == "compte_rendu"]
    assert [resultat.url for resultat in minutes] == [soumis.document.get_absolute_url()]
    titre = emis.titre.split()[0]
    found_emis = search(by, titre, genre="emis")
    assert [resultat.source.cle for resultat in found_emis.resultats][:1] == ["emis"]

    client.force_login(by)
    for resultat in [*found.resultats, found_emis.resultats[0]]:
        assert client.get(resultat.url).status_code == 200, resultat.url


def test_rights_are_those_of_the_pages():
    world = build_world()
    secret = "ornithorynque"
    note = world.objects["note_caf"]
    Commentaire.tous.filter(pk=note.pk).update(texte=secret)
    fiche = complete_fiche(plan=world.plan, axe=world.fiche.axe, objectif=None, confidentielle=True)
    Note.objects.create(fiche=fiche, texte=secret, auteur=world.people["coordination"])

    found = {
        name: [r.source.cle for r in search(user, secret).resultats] for name, user in world.people.items()
    }
    assert found["relecture"] == ["note", "commentaire"] or found["relecture"] == ["commentaire", "note"]
    assert found["coordination"] == ["note"]
    assert found["pilotage"] == ["note"]
    assert found["redaction"] == found["lecture"] == found["administration"] == found["outsider"] == []


def test_archived_fiches_and_other_conventions_are_left_out(fiche, reader):
    other = complete_fiche(intitule="Une crèche ailleurs")
    assert search(reader, "crèche").total == 1
    HabilitationFactory(convention=other.convention, role="lecture", user=reader)
    assert search(reader, "crèche").total == 2
    assert titles(search(reader, "crèche", convention=other.convention))[0].endswith("ailleurs")
    FicheAction.objects.filter(pk=fiche.pk).update(redaction="archivee")
    assert search(reader, "crèche").total == 1


def test_pages_and_kinds(fiche, reader):
    for number in range(PAR_PAGE + 3):
        EtapeFactory(fiche=fiche, intitule=f"Visiter la crèche {number}")
    first, second = (search(reader, "crèche", genre="etape", page=page) for page in ("1", "2"))
    assert [(genre.source.cle, genre.nombre, genre.choisi) for genre in first.genres] == [
        ("fiche", 1, False),
        ("etape", PAR_PAGE + 3, True),
    ]
    assert len(first.resultats) == PAR_PAGE
    assert len(second.resultats) == 3
    assert not set(titles(first)) & set(titles(second))
    assert search(reader, "crèche", genre="licorne").total == PAR_PAGE + 4
    assert len(search(reader, "crèche", page="99").resultats) == 4


@pytest.mark.parametrize("nombre", [1, 3])
def test_queries_do_not_grow(client, reader, fiche, nombre):
    for number in range(nombre):
        EtapeFactory(fiche=fiche, intitule=f"Visiter la crèche {number}")
        DecisionFactory(
            convention=fiche.convention,
            reunion=ReunionFactory(instance__convention=fiche.convention),
            texte="crèche",
        )
    client.force_login(reader)
    client.get(URL, {"q": "crèche"})
    with CaptureQueriesContext(connection) as queries:
        client.get(URL, {"q": "crèche"})
    assert len(queries) <= 13


def test_bad_input_gets_a_sentence(client, reader):
    client.force_login(reader)
    for data, said in [
        ({"q": "x" * 201}, "200 signes au plus, il y en a 201"),
        ({"q": "crèche", "dans": "nulle-part"}, "n’est pas parmi les vôtres"),
        ({"q": "crèche\0"}, "caractère nul"),
        ({"q": "<script>alert(1)</script>"}, "Rien n’a été trouvé"),
        ({"q": "crèche", "page": "-3"}, "micro-"),
        ({"q": "crèche", "genre": "' OR 1=1"}, "micro-"),
    ]:
        page = client.get(URL, data)
        assert page.status_code == 200
        assert said in page.text.replace("<mark>", "").replace("</mark>", "")
        assert "<script>alert" not in page.text


def test_convention_of_the_page_is_kept(client, fiche, reader):
    client.force_login(reader)
    home = client.get(fiche.get_absolute_url()).text
    assert f'name="dans" value="{fiche.convention.code}"' in home
    page = client.get(URL, {"q": "crèche", "dans": fiche.convention.code}).text
    assert f'<option value="{fiche.convention.code}" selected>' in page


def test_a_very_long_text_is_found_and_saved(reader, fiche):
    strange = "".join(chr(0x4E00 + number % 20000) + ("-" if number % 3 else " ") for number in range(10_000))
    for field in ("besoins", "modalites", "objectif_general", "difficultes"):
        setattr(fiche, field, strange)
    fiche.save()
    assert search(reader, "crèche").total == 1


class MarksTest(TestCase):
    @given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00\x02\x03"), max_size=60))
    def test_marks_never_change_the_words(self, texte):
        (found,) = marques([texte], "crèche enfants")
        assert "".join(morceau.texte for morceau in found) == unicodedata.normalize("NFC", texte)

    @given(st.text(alphabet="aé œ’\n.,", max_size=400))
    def test_excerpt_is_a_part_of_the_text(self, texte):
        (found,) = marques([f"{texte} crèche {texte}"], "crèche")
        said = "".join(morceau.texte for morceau in extrait(found))
        assert "crèche" in said
        assert len(said) < 400


def test_database_and_python_take_accents_off_alike():
    signs = unicodedata.normalize("NFD", "crèche, Noël, ç")
    signs += "".join(chr(code) for code in range(32, 0x24F)) + "’‘«»“”„–—…·•\u00a0\u202f\u2009\u2011œŒæÆ"
    with connection.cursor() as cursor:
        cursor.execute("SELECT recherche_texte(%s)", [signs])
        assert cursor.fetchone()[0] == sans_accents(signs)


def test_the_index_answers():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        # Names that other tables hold are read without an index.
        for source in (source for source in SOURCES if not source.mots):
            rows = source.rows.model._base_manager.annotate(vecteur=vecteur_of(source.rows.model))
            asked = rows.filter(vecteur=Requete("crèche")).order_by().values("pk")
            assert f"{source.rows.model._meta.model_name}_texte" in asked.explain()
