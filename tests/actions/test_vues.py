"""One set of fiches seen every way: filters and their counts, groups, calendar, tree; the address is kept."""

import datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.filters import fiche_filter
from actions.models import FicheAction, LigneBudget, LigneFinancement, Note, Transition
from actions.models.attentes import SILENCE, silent
from actions.models.calendrier import draw
from actions.models.facettes import years_of
from actions.views.tableau import TableauView
from conventions.models import Commune
from ctg_portal.models import User
from tests.factories import (
    AxeFactory,
    CommuneFactory,
    ConventionFactory,
    DomaineFactory,
    EtapeFactory,
    FicheActionFactory,
    HabilitationFactory,
    IndicateurSuiviFactory,
    ObjectifFactory,
    OrganisationFactory,
    PiloteFactory,
    PlanActionsFactory,
    complete_fiche,
)

VUES = ("plan", "fiches", "kanban", "calendrier")
GROUPES = ("commune", "contrat", "domaine", "pilote")


@pytest.fixture
def plan():
    """Two axes, four fiches: A (en cours, everything), B (à venir, nothing), C (réalisée), D (archivée)."""
    made = PlanActionsFactory()
    convention = made.convention
    un, deux = (AxeFactory(plan=made, code=code, ordre=rank) for rank, code in enumerate("12"))
    objectif = ObjectifFactory(axe=un, code="1.1")
    figeac, gramat = (CommuneFactory(nom=nom) for nom in ("Figeac", "Gramat"))
    convention.territoire.communes.add(figeac, gramat)
    caf, epci = (OrganisationFactory(nom=nom) for nom in ("CAF du Lot", "Communauté"))
    a = FicheActionFactory(
        axe=un,
        objectif=objectif,
        code="A",
        intitule="Créer un relais itinérant",
        avancement="en_cours",
        priorite="haute",
        structure_pilote=epci,
        debut=convention.debut,
        echeance=convention.debut + datetime.timedelta(days=400),
    )
    a.domaines.add(DomaineFactory(intitule="Enfance"), DomaineFactory(intitule="Handicap"))
    a.communes.add(figeac)
    a.cadres.add(ConventionFactory(nature="gmr", principale=convention, territoire=convention.territoire))
    PiloteFactory(fiche=a, nom="Mme Élise Martin")
    IndicateurSuiviFactory(fiche=a)
    LigneBudget.objects.create(fiche=a, annee=convention.debut.year, prevu=10)
    LigneFinancement.objects.create(fiche=a, annee=convention.debut.year, financeur=caf)
    FicheActionFactory(axe=un, code="B", ordre=1)
    FicheActionFactory(axe=deux, code="C", avancement="realisee", debut=convention.debut)
    FicheActionFactory(
        axe=deux, code="D", avancement="en_cours", redaction="archivee", soumise_le=timezone.now()
    )
    return made


@pytest.fixture
def reader(client, plan):
    user = HabilitationFactory(convention=plan.convention, role="coordination").user
    client.force_login(user)
    return user


def codes(user, plan, query):
    return [fiche.code for fiche in fiche_filter(user, plan.convention, query).qs]


def address(name, plan, *args):
    return reverse(f"actions:{name}", args=[plan.convention.code, *args])


def test_every_filter(plan, reader):
    FicheAction.objects.filter(code="A").update(besoins="Les familles isolées du nord.")
    a = FicheAction.objects.get(code="A")
    annee = plan.convention.debut.year
    queries = {
        f"axe={a.axe_id}": ["B", "A"],
        f"objectif={a.objectif_id}": ["A"],
        "objectif=aucun": ["B", "C"],
        f"domaine={a.domaines.first().pk}": ["A"],
        "domaine=aucun": ["B", "C"],
        "avancement=en_cours": ["A"],
        "avancement=en_cours&avancement=realisee": ["A", "C"],
        "redaction=archivee": ["D"],
        "priorite=haute": ["A"],
        "priorite=aucun": ["B", "C"],
        "pilote=nom-Mme+%C3%89lise+Martin": ["A"],
        "pilote=nom-MARTIN+Elise": ["A"],
        "pilote=aucun": ["B", "C"],
        f"structure={a.structure_pilote_id}": ["A"],
        f"financeur={a.lignes_financement.get().financeur_id}": ["A"],
        f"commune={a.communes.get().pk}": ["A"],
        "commune=aucun": ["B", "C"],
        f"commune={Commune.objects.get(nom='Gramat').pk}": [],
        f"cadre={a.cadres.get().pk}": ["A"],
        "cadre=aucun": ["B", "C"],
        f"annee={annee}": ["A", "C"],
        f"annee={annee + 1}": ["A", "C"],
        f"annee={annee + 2}": ["C"],
        "annee=aucun": ["B"],
        "en_retard=on": ["A"],
        "sans_pilote=on": ["B"],
        "sans_echeance=on": ["B"],
        "sans_indicateur=on": ["B"],
        "sans_budget=on": ["B"],
        "q=creer+ITINERANT": ["A"],
        "q=b": ["B"],
        # As the search of the portal: endings, expressions, what is left out.
        "q=famille+isolee": ["A"],
        "q=famille+-isolee": [],
        "tri=-intitule&avancement=en_cours": ["A"],
    }

    assert {query: codes(reader, plan, query) for query in queries} == queries


def test_silence_is_the_one_of_the_reminders(plan, reader):
    a = FicheAction.objects.get(code="A")
    old = timezone.now() - SILENCE - datetime.timedelta(days=30)
    FicheAction.objects.filter(pk=a.pk).update(created_at=old, debut=old.date(), echeance=None)

    assert codes(reader, plan, "sans_nouvelle=on") == [f.code for f in silent(plan.fiches.all())] == ["A"]

    Note.objects.create(fiche=a, texte="Le relais ouvre.", auteur=reader)
    assert codes(reader, plan, "sans_nouvelle=on") == []


def test_counts_keep_the_other_filters_and_open_their_own(plan, reader):
    found = fiche_filter(reader, plan.convention, "avancement=realisee&priorite=aucun")
    counts = {
        facette.nom: {choix.valeur: choix.nombre for choix in facette.choix} for facette in found.facettes
    }

    # Of those without a priority: one to come, one done; the archived one is for who asks for it.
    assert counts["avancement"] == {"a_venir": 1, "realisee": 1, "en_cours": 0}
    assert counts["priorite"] == {"aucun": 1, "haute": 0}
    assert counts["redaction"] == {"brouillon": 1, "archivee": 0}
    assert {row.valeur: row.nombre for row in found.manques}["sans_pilote"] == 0
    for facette in found.facettes:
        for choix in facette.choix:
            asked = found.data.copy()
            asked.setlist(facette.nom, [choix.valeur])
            assert len(fiche_filter(reader, plan.convention, asked).qs) == choix.nombre, (facette, choix)


def test_badges_take_away_one_value_at_a_time(plan, reader, client):
    axe = plan.axes.first()
    query = f"?avancement=en_cours&avancement=realisee&axe={axe.pk}&en_retard=on&q=relais&tri=-echeance"
    page = client.get(address("fiches", plan) + query)

    badges = {
        row["label"]: parse_qs(urlsplit(row["url_remove"]).query) for row in page.context["filter"].badges
    }
    assert list(badges) == [
        "Mots, numéro\u00a0: relais",
        f"Axe\u00a0: {axe}",
        "Avancement\u00a0: En cours",
        "Avancement\u00a0: Réalisée",
        "En retard",
    ]
    assert badges["Avancement\u00a0: En cours"]["avancement"] == ["realisee"]
    assert badges["Avancement\u00a0: En cours"]["axe"] == [str(axe.pk)]
    assert badges["En retard"]["tri"] == ["-echeance"]
    assert "en_retard" not in badges["En retard"]
    assert "Tout effacer" in page.text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("axe=999999", "Filtre «\u00a0Axe\u00a0»\u00a0: «\u00a0999999\u00a0» n’est pas"),
        ("avancement=zzz", "Filtre «\u00a0Avancement\u00a0»"),
        ("annee=1999", "Filtre «\u00a0Année\u00a0»"),
        ("domaine=<script>alert(1)</script>", "&lt;script&gt;"),
        ("commune=%00", "Filtre «\u00a0Commune\u00a0»"),
        ("pilote=compte-", "Filtre «\u00a0Pilote\u00a0»"),
        ("q=" + "a" * 500, "trop longue"),
        ("axe=" + "9" * 5000, "Filtre «\u00a0Axe\u00a0»"),
    ],
)
def test_what_means_nothing_is_said_in_every_view(plan, reader, client, query, words):
    for url in (*(address(vue, plan) for vue in VUES), address("groupes", plan, "commune")):
        page = client.get(f"{url}?{query}")
        assert page.status_code == 200
        assert words in page.text
        assert "<script>alert" not in page.text
        if not query.startswith("q="):
            assert page.context["nb_fiches"] == 3


@pytest.mark.parametrize(
    "query",
    ["tri=nimporte", "page=999", "page=x", "suite_en_cours=-1", "groupe=zz", "en_retard=false", "q=%00"],
)
def test_hostile_addresses_are_never_a_fault(plan, reader, client, query):
    for url in (*(address(vue, plan) for vue in VUES), address("groupes", plan, "pilote")):
        assert client.get(f"{url}?{query}").status_code == 200
    assert client.get(address("fiches", plan) + "?en_retard=false").context["nb_fiches"] == 3


def test_a_page_that_is_no_longer_there_is_the_last_one(plan, reader, client, monkeypatch):
    monkeypatch.setattr(TableauView, "paginate_by", 2)

    page = client.get(address("fiches", plan) + "?tri=intitule&page=9")

    assert page.context["page_obj"].number == 2
    # Without a script, a cell changed on a page of its own comes back to the page it was on.
    assert page.context["retour"] == "tri=intitule&page=2"
    assert "retour=tri%3Dintitule%26page%3D2" in page.text


def test_fiches_of_the_reader_are_one_click_away(plan, client):
    user = HabilitationFactory(convention=plan.convention, role="redaction").user
    client.force_login(user)
    assert fiche_filter(user, plan.convention, "").mes_fiches is None
    PiloteFactory(fiche=FicheAction.objects.get(code="B"), user=user)

    for vue in VUES:
        page = client.get(address(vue, plan) + "?tri=-echeance")
        assert page.context["filter"].mes_fiches == (f"?tri=-echeance&pilote=compte-{user.pk}", False)
        assert "Mes fiches</a>" in page.text
    assert codes(user, plan, f"pilote=compte-{user.pk}") == ["B"]
    assert fiche_filter(user, plan.convention, f"pilote=compte-{user.pk}").mes_fiches == ("?", True)


def test_the_set_is_kept_from_one_view_to_the_next(plan, reader, client):
    query = "avancement=en_cours&avancement=realisee&tri=-echeance"
    urls = [address(vue, plan) for vue in VUES] + [address("groupes", plan, par) for par in GROUPES]

    for url in urls:
        page = client.get(f"{url}?{query}&page=1")
        assert page.context["nb_fiches"] == 2
        kept = page.context["requete"]
        assert parse_qs(kept) == parse_qs(query)
        tabs = [f"{other}?{kept}".replace("&", "&amp;") for other in urls]
        assert [tab for tab in tabs if f'href="{tab}"' not in page.text] == []


def test_nothing_found_says_why(plan, reader, client):
    gramat = Commune.objects.get(nom="Gramat")
    for url in (*(address(vue, plan) for vue in VUES), address("groupes", plan, "domaine")):
        assert "Aucune fiche ne répond à ces filtres" in client.get(f"{url}?commune={gramat.pk}").text


def test_a_confidential_fiche_counts_for_those_who_read_it(plan, client):
    FicheAction.objects.filter(code="A").update(confidentielle=True)
    lecture = HabilitationFactory(convention=plan.convention, role="lecture").user

    found = fiche_filter(lecture, plan.convention, "")

    assert [ligne.code for ligne in found.kept] == ["B", "C"]
    assert {facette.nom for facette in found.facettes}.isdisjoint({"pilote", "financeur", "domaine"})


# The tree


def test_tree_hides_what_no_fiche_answers_and_says_it(plan, reader, client):
    page = client.get(address("plan", plan) + "?avancement=realisee")

    assert [branche.axe.code for branche, *_ in page.context["branches"]] == ["2"]
    assert "1 axe et 1 objectif sans fiche qui réponde aux filtres sont masqués." in page.text
    whole = client.get(address("plan", plan))
    assert [branche.axe.code for branche, *_ in whole.context["branches"]] == ["1", "2"]
    assert "masqué" not in whole.text
    assert "1 fiche, 0 réalisée, 1 en retard" in " ".join(whole.text.split())


def test_tree_folds_without_a_script(plan, reader, client):
    opened, folded = (client.get(address("plan", plan) + query).text for query in ("", "?replie=1"))

    assert opened.count('class="arbre-objectif"') == folded.count('class="arbre-objectif"') == 1
    assert opened.count("open>") - folded.count("open>") == 3


# Groups


def test_groups_hold_a_fiche_under_each_of_its_values(plan, reader, client):
    page = client.get(address("groupes", plan, "domaine"))
    found = [(row.groupe.label, [f.code for f in row.fiches]) for row in page.context["groupes"]]

    assert found == [("Enfance", ["A"]), ("Handicap", ["A"]), ("Sans domaine", ["B", "C"])]


def test_groups_of_communes_begin_with_the_whole_territoire(plan, reader, client):
    page = client.get(address("groupes", plan, "commune"))

    assert [row.groupe.label for row in page.context["groupes"]] == ["Toutes les communes", "Figeac"]
    assert page.context["absents"] == ["Gramat"]
    for row in page.context["groupes"]:
        table = client.get(row.url)
        assert [f.code for f in table.context["fiches"]] == [ligne.code for ligne in row.groupe.lignes]


def test_a_commune_that_left_the_territoire_keeps_its_fiches(plan, reader, client):
    territoire, partie = plan.convention.territoire, Commune.objects.get(nom="Figeac")
    territoire.communes.remove(partie)

    page = client.get(address("groupes", plan, "commune"))
    assert [row.groupe.label for row in page.context["groupes"]] == ["Toutes les communes", "Figeac"]
    assert page.context["absents"] == ["Gramat"]
    assert codes(reader, plan, f"commune={partie.pk}") == ["A"]

    a = FicheAction.objects.get(code="A")
    section = reverse("actions:fiche_edit", args=[plan.convention.code, a.pk, "identite"])
    form = client.get(section).context["form"]
    sent = {name: form[name].value() for name in ("intitule", "code", "empreinte")}
    client.post(section, sent | {"communes": form["communes"].value(), "intitule": "Autre titre"})
    a.refresh_from_db()
    assert (a.intitule, list(a.communes.all())) == ("Autre titre", [partie])


def test_contract_groups_and_an_unknown_grouping(plan, reader, client):
    page = client.get(address("groupes", plan, "contrat"))

    assert [[f.code for f in row.fiches] for row in page.context["groupes"]] == [["A"], ["B", "C"]]
    assert page.context["groupes"][1].groupe.label == "La CTG seule"
    assert client.get(address("groupes", plan, "couleur")).status_code == 404


def test_large_groups_are_read_when_opened(plan, reader, client):
    communes = [CommuneFactory() for _ in range(80)]
    plan.convention.territoire.communes.add(*communes)
    for fiche in plan.fiches.all():
        fiche.communes.set(communes)
    url = address("groupes", plan, "commune")

    closed = client.get(url)
    cle = closed.context["groupes"][0].groupe.cle
    opened = client.get(f"{url}?groupe={cle}")

    assert len(closed.context["groupes"]) == 80
    assert sum(row.is_charge for row in closed.context["groupes"]) == 0
    assert closed.text.count("Voir ses fiches ici") == 80
    assert [len(row.fiches) for row in opened.context["groupes"] if row.is_charge] == [3]


# The calendar


def test_calendar_places_bars_and_steps_over_the_years(plan):
    convention = plan.convention
    convention.debut, convention.fin = datetime.date(2024, 1, 1), datetime.date(2027, 12, 31)
    fiche = FicheActionFactory(
        axe=plan.axes.first(), debut=datetime.date(2025, 1, 1), echeance=datetime.date(2025, 12, 31)
    )
    EtapeFactory(fiche=fiche, echeance=datetime.date(2026, 1, 1))
    EtapeFactory(fiche=fiche, echeance=datetime.date(2024, 1, 1), faite_le=datetime.date(2024, 1, 1))
    sans = FicheActionFactory(axe=fiche.axe)
    before = FicheActionFactory(axe=fiche.axe, debut=datetime.date(2020, 1, 1))

    drawn = draw([fiche, sans, before], convention)

    barre, ouverte = drawn.groupes[0].barres
    assert [annee.annee for annee in drawn.annees] == [2024, 2025, 2026, 2027]
    assert (barre.x, barre.width) == ("25.05%", "24.98%")
    assert [(row.x, row.etat) for row in barre.etapes] == [("50.03%", "retard"), ("0.00%", "faite")]
    assert (ouverte.x, ouverte.width, ouverte.is_ouverte) == ("0.00%", "100.00%", True)
    assert drawn.sans_dates == [sans]


def test_calendar_says_late_in_words_and_is_a_table_too(plan, reader, client):
    a = FicheAction.objects.get(code="A")
    EtapeFactory(
        fiche=a, intitule="Trouver un local", echeance=timezone.localdate() - datetime.timedelta(days=3)
    )
    url = address("calendrier", plan)

    drawing, table = client.get(url), client.get(f"{url}?forme=tableau")

    for page in (drawing, table):
        assert "en retard de" in page.text
        assert "Trouver un local" in page.text
        assert page.text.count(a.intitule) >= 1
    assert 'id="sans-dates"' in drawing.text
    assert 'style="' not in drawing.text
    assert [row.fiche.code for groupe in table.context["calendrier"].groupes for row in groupe.barres] == [
        "A",
        "C",
    ]
    assert "<table" in table.text


@pytest.mark.parametrize(
    ("debut", "fin", "years"),
    [
        (None, None, []),
        (datetime.date(2025, 5, 1), None, [2025, 2026]),
        (None, datetime.date(2025, 5, 1), [2025]),
        (datetime.date(2024, 5, 1), datetime.date(2025, 5, 1), [2024, 2025]),
        (datetime.date(2029, 5, 1), None, [2029]),
    ],
)
def test_years_of_an_action(debut, fin, years):
    convention = ConventionFactory.build(debut=datetime.date(2024, 1, 1), fin=datetime.date(2026, 12, 31))

    assert list(years_of(debut, fin, convention)) == years


# How much is asked of the database


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("route", "args", "queries"),
    [("kanban", [], 12), ("calendrier", [], 14), ("groupes", ["commune"], 12), ("groupes", ["pilote"], 12)],
)
def test_views_do_not_grow(client, django_assert_num_queries, route, args, queries, count):
    first = complete_fiche()
    fiches = [first, *(complete_fiche(axe=first.axe) for _ in range(count - 1))]
    for fiche in fiches:
        fiche.communes.add(CommuneFactory())
        EtapeFactory(fiche=fiche)
        Transition.objects.create(
            fiche=fiche,
            champ="avancement",
            depuis="a_venir",
            vers="en_cours",
            by=User.objects.create_user(f"{fiche.pk}@x.fr"),
        )
    first.convention.territoire.communes.add(*Commune.objects.all())
    client.force_login(HabilitationFactory(convention=first.convention, role="coordination").user)

    with django_assert_num_queries(queries):
        page = client.get(reverse(f"actions:{route}", args=[first.convention.code, *args]))

    assert page.context["nb_fiches"] == count
