"""What is changed from a view: a cell of the table, a card of the board; columns, and views under a name."""

import datetime
import html
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.models import ColonnesTableau, FicheAction, VueEnregistree
from actions.models.vues import LIMITE
from tests.factories import (
    AxeFactory,
    FicheActionFactory,
    HabilitationFactory,
    PiloteFactory,
    UserFactory,
    complete_fiche,
)

HTMX = {"HX-Request": "true"}


@pytest.fixture
def fiche():
    return complete_fiche(code="1.1", intitule="Ouvrir un relais")


@pytest.fixture
def coordination(client, fiche):
    user = HabilitationFactory(convention=fiche.convention, role="coordination").user
    client.force_login(user)
    return user


def cell(fiche, champ):
    return reverse("actions:cellule", args=[fiche.convention.code, fiche.pk, champ])


def board(fiche):
    return reverse("actions:kanban", args=[fiche.convention.code])


def move(client, fiche, vers, depuis="a_venir", **kwargs):
    return client.post(board(fiche), {"geste": f"{fiche.pk}:{depuis}:{vers}"}, **kwargs)


def avancement(fiche):
    return FicheAction.objects.values_list("avancement", flat=True).get(pk=fiche.pk)


# A cell of the table


def test_cell_changes_the_avancement_in_its_place(client, coordination, fiche):
    form = client.get(cell(fiche, "avancement"), headers=HTMX)
    done = client.post(
        cell(fiche, "avancement"), {"avancement": "en_cours", "empreinte": "a_venir"}, headers=HTMX
    )

    assert "<html" not in form.text
    assert form.context["form"]["empreinte"].value() == "a_venir"
    assert "Enregistré" in done.text
    assert "En cours" in done.text
    assert avancement(fiche) == "en_cours"
    assert fiche.journal.get().by == coordination


def test_cell_without_a_script_goes_back_to_the_filtered_table(client, coordination, fiche):
    page = client.get(cell(fiche, "echeance") + "?retour=avancement%3Da_venir%26tri%3Decheance")
    day = timezone.localdate() + datetime.timedelta(days=30)
    done = client.post(
        cell(fiche, "echeance"),
        {
            "echeance": day.isoformat(),
            "empreinte": page.context["form"]["empreinte"].value(),
            "retour": page.context["retour"],
        },
    )

    url = reverse("actions:fiches", args=[fiche.convention.code])
    assert page.context["url_retour"] == f"{url}?avancement=a_venir&tri=echeance#fiche-{fiche.pk}"
    assert done.headers["Location"] == page.context["url_retour"]
    fiche.refresh_from_db()
    assert fiche.echeance == day


def test_return_address_stays_in_the_table(client, coordination, fiche):
    page = client.get(cell(fiche, "echeance") + "?retour=//evil.example/?a=1")

    assert page.context["url_retour"].startswith(
        reverse("actions:fiches", args=[fiche.convention.code]) + "?"
    )


def test_abandon_asks_its_reason(client, coordination, fiche):
    data = {"avancement": "abandonnee", "empreinte": "a_venir"}

    refused = client.post(cell(fiche, "avancement"), data, headers=HTMX)
    assert "Dites pourquoi la fiche est abandonnée." in refused.text
    assert avancement(fiche) == "a_venir"

    client.post(cell(fiche, "avancement"), data | {"motif": "Sans porteur."}, headers=HTMX)
    fiche.refresh_from_db()
    assert (fiche.avancement, fiche.motif_abandon) == ("abandonnee", "Sans porteur.")


def test_second_avancement_is_not_silent(client, coordination, fiche):
    autre = UserFactory(nom="Claire Martin")
    fiche.move_avancement("en_cours", by=autre)

    told = client.post(
        cell(fiche, "avancement"), {"avancement": "en_pause", "empreinte": "a_venir"}, headers=HTMX
    )
    assert "changée par Claire Martin" in told.text
    assert "elle dit maintenant «\u00a0En cours\u00a0»" in told.text
    assert avancement(fiche) == "en_cours"

    empreinte = told.context["form"]["empreinte"].value()
    client.post(cell(fiche, "avancement"), {"avancement": "en_pause", "empreinte": empreinte}, headers=HTMX)
    assert avancement(fiche) == "en_pause"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [("realisee", "il n’y a plus rien à enregistrer"), ("en_pause", "ne peut pas passer")],
)
def test_what_is_no_longer_possible_is_said_with_the_conflict(client, coordination, fiche, wanted, words):
    fiche.move_avancement("realisee", by=UserFactory())

    told = client.post(
        cell(fiche, "avancement"), {"avancement": wanted, "empreinte": "a_venir"}, headers=HTMX
    )

    assert words in told.text
    assert avancement(fiche) == "realisee"


def test_second_echeance_is_not_silent(client, coordination, fiche):
    page = client.get(cell(fiche, "echeance"))
    autre = HabilitationFactory(convention=fiche.convention, role="coordination").user
    autre.nom = "Claire Martin"
    autre.save()
    client.force_login(autre)
    url = reverse("actions:fiche_edit", args=[fiche.convention.code, fiche.pk, "calendrier"])
    client.post(url, {"debut": "", "echeance": "2031-01-02", "rythme": "ponctuelle"})
    client.force_login(coordination)
    mine = {"echeance": "2032-03-04", "empreinte": page.context["form"]["empreinte"].value()}

    told = client.post(cell(fiche, "echeance"), mine, headers=HTMX)
    assert "changée par Claire Martin" in told.text
    assert "2\u00a0janvier 2031" in told.text
    assert "Garder ce qui est enregistré" in told.text
    fiche.refresh_from_db()
    assert fiche.echeance == datetime.date(2031, 1, 2)

    client.post(
        cell(fiche, "echeance"), mine | {"empreinte": told.context["form"]["empreinte"].value()}, headers=HTMX
    )
    fiche.refresh_from_db()
    assert fiche.echeance == datetime.date(2032, 3, 4)


def pilotes_payload(page, nom):
    formset = page.context["formset"]
    kept = formset.forms[0].instance
    return {
        "empreinte": page.context["form"]["empreinte"].value(),
        "pilotes-TOTAL_FORMS": "2",
        "pilotes-INITIAL_FORMS": "1",
        "pilotes-0-id": kept.pk,
        "pilotes-0-nom": kept.nom,
        "pilotes-0-ORDER": "1",
        "pilotes-1-nom": nom,
        "pilotes-1-ORDER": "2",
    }


def test_pilotes_are_changed_and_told_apart(client, coordination, fiche):
    page = client.get(cell(fiche, "pilote"))
    PiloteFactory(fiche=fiche, nom="Arrivée entre-temps")

    told = client.post(cell(fiche, "pilote"), pilotes_payload(page, "Jean Dupuy"), headers=HTMX)
    assert "Arrivée entre-temps" in told.text
    assert "Rien n’a été remplacé" in told.text

    page = client.get(cell(fiche, "pilote"))
    assert page.context["formset"].initial_form_count() == 2


def test_pilote_is_added(client, coordination, fiche):
    page = client.get(cell(fiche, "pilote"))

    done = client.post(cell(fiche, "pilote"), pilotes_payload(page, "Jean Dupuy"), headers=HTMX)

    assert "Jean Dupuy" in done.text
    assert [str(row) for row in fiche.pilotes.all()][-1] == "Jean Dupuy"


def test_validated_text_keeps_its_date_and_its_pilotes(client, coordination, fiche):
    fiche.submit(by=coordination)
    fiche.validate(by=coordination)

    table = client.get(reverse("actions:fiches", args=[fiche.convention.code]))
    assert table.context["fiches"][0].editables == {"avancement"}
    told = client.post(cell(fiche, "echeance"), {"echeance": "2031-01-02"}, headers=HTMX)
    assert "cette page n’est plus ouverte pour elle" in told.text
    assert "cette page n’est plus ouverte" in client.get(cell(fiche, "echeance"), headers=HTMX).text
    fiche.refresh_from_db()
    assert fiche.echeance != datetime.date(2031, 1, 2)


def test_echeance_before_the_start_is_refused(client, coordination, fiche):
    FicheAction.objects.filter(pk=fiche.pk).update(debut=timezone.localdate())

    told = client.post(cell(fiche, "echeance"), {"echeance": "2001-01-01"}, headers=HTMX)

    assert "L’échéance ne peut pas précéder le début." in told.text


def test_cells_are_for_those_who_may(client, fiche):
    pilote = HabilitationFactory(convention=fiche.convention, role="redaction").user
    other = FicheActionFactory(axe=fiche.axe)
    PiloteFactory(fiche=fiche, user=pilote)
    client.force_login(pilote)
    url = reverse("actions:fiches", args=[fiche.convention.code])

    assert [row.editables for row in client.get(url).context["fiches"]] == [
        {"avancement", "pilote", "echeance"},
        set(),
    ]
    assert client.post(cell(other, "avancement"), {"avancement": "en_cours"}).status_code == 403
    assert client.get(cell(fiche, "couleur")).status_code == 404
    # « Annuler » reads the cell again: whoever reads the fiche may.
    client.force_login(HabilitationFactory(convention=fiche.convention, role="lecture").user)
    read = client.get(cell(fiche, "echeance") + "?lire=1", headers=HTMX)
    assert "Modifier" not in read.text
    assert read.status_code == 200


# The columns


def test_columns_are_kept_for_the_person(client, coordination, fiche):
    url = reverse("actions:fiches", args=[fiche.convention.code])
    keep = reverse("actions:colonnes", args=[fiche.convention.code])

    back = client.post(keep, {"colonnes": ["domaine", "echeance"], "requete": "avancement=a_venir&page=3"})
    page = client.get(url)

    assert back.headers["Location"] == f"{url}?avancement=a_venir"
    assert [nom for nom, _, _ in page.context["colonnes"]] == ["echeance", "domaine"]
    assert str(fiche.domaines.get()) in page.text
    client.post(keep, {})
    assert client.get(url).context["colonnes"] == []
    client.post(keep, {"colonnes": ["motdepasse"]})
    assert ColonnesTableau.objects.get().colonnes == []
    client.force_login(HabilitationFactory(convention=fiche.convention, role="lecture").user)
    assert len(client.get(url).context["colonnes"]) == 5


# The board


def test_card_moves_by_the_verb_and_comes_back(client, coordination, fiche):
    moved = move(client, fiche, "realisee", follow=True)
    fiche.refresh_from_db()
    assert (fiche.avancement, fiche.fin_reelle) == ("realisee", timezone.localdate())
    assert "est maintenant «\u00a0réalisée\u00a0»" in moved.text
    assert moved.context["bougee"] == fiche.pk

    # The table of transitions would refuse it; undoing does not.
    undone = client.post(board(fiche), {"geste": "annuler"}, follow=True)
    fiche.refresh_from_db()
    assert (fiche.avancement, fiche.fin_reelle) == ("a_venir", None)
    assert "est de nouveau «\u00a0à venir\u00a0»" in undone.text
    assert [str(line) for line in fiche.journal.all()] == ["Réalisée → À venir", "À venir → Réalisée"]
    again = client.post(board(fiche), {"geste": "annuler"})
    assert "Il n’y a plus de déplacement à annuler." in again.text


def test_undoing_a_reopening_gives_the_reason_and_the_end_back(client, coordination, fiche):
    fiche.abandon(by=coordination, motif="Sans porteur.")
    move(client, fiche, "en_cours", depuis="abandonnee")
    client.post(board(fiche), {"geste": "annuler"})
    fiche.refresh_from_db()
    assert (fiche.avancement, fiche.motif_abandon) == ("abandonnee", "Sans porteur.")

    other = FicheActionFactory(axe=fiche.axe, avancement="realisee", fin_reelle=datetime.date(2024, 5, 6))
    move(client, other, "en_cours", depuis="realisee")
    client.post(board(fiche), {"geste": "annuler"})
    other.refresh_from_db()
    assert (other.avancement, other.fin_reelle) == ("realisee", datetime.date(2024, 5, 6))

    # Its start moved meanwhile: the end of before would precede it.
    move(client, other, "en_cours", depuis="realisee")
    FicheAction.objects.filter(pk=other.pk).update(debut=datetime.date(2025, 1, 1))
    told = client.post(board(fiche), {"geste": "annuler"}, follow=True)
    assert "sa fin réelle d’avant, le 6\u00a0mai 2024, le précéderait" in told.text
    assert avancement(other) == "en_cours"


def test_undo_stops_when_somebody_moved_the_card_since(client, coordination, fiche):
    move(client, fiche, "en_cours")
    FicheAction.objects.get(pk=fiche.pk).move_avancement("en_pause", by=UserFactory())

    told = client.post(board(fiche), {"geste": "annuler"})

    assert "ce déplacement ne s’annule plus" in told.text
    assert avancement(fiche) == "en_pause"


def test_somebody_was_faster(client, coordination, fiche):
    fiche.move_avancement("realisee", by=UserFactory(nom="Claire Martin"))

    told = move(client, fiche, "en_cours")

    assert "Claire Martin l’a déjà changée entre-temps" in told.text
    assert avancement(fiche) == "realisee"


def test_refused_moves_say_why(client, coordination, fiche):
    done = FicheActionFactory(axe=fiche.axe, avancement="realisee")
    hidden = FicheActionFactory()
    for data, words in (
        (
            f"{done.pk}:realisee:en_pause",
            "ne peut pas passer à «\u00a0en pause\u00a0»".replace("\u00a0", " "),
        ),
        (f"{done.pk}:realisee:abandonnee", "ne peut pas passer à"),
        (f"{hidden.pk}:a_venir:en_cours", "n’est plus ici"),
        ("999999999:a_venir:en_cours", "n’est plus ici"),
        (f"{fiche.pk}:a_venir:perdue", "n’a pas été compris"),
        ("<script>", "n’a pas été compris"),
        ("", "Ce champ est obligatoire"),
    ):
        told = client.post(board(fiche), {"geste": data})
        assert told.status_code == 200
        assert words in told.context["refus"], data
    assert (avancement(fiche), avancement(done), avancement(hidden)) == ("a_venir", "realisee", "a_venir")


def test_abandon_leads_to_the_form_that_asks_why_and_back(client, coordination, fiche):
    query = "?avancement=a_venir&avancement=abandonnee"
    sent = client.post(board(fiche) + query, {"geste": f"{fiche.pk}:a_venir:abandonnee"}, headers=HTMX)
    plain = client.post(board(fiche) + query, {"geste": f"{fiche.pk}:a_venir:abandonnee"})
    assert sent.headers["HX-Redirect"] == plain.headers["Location"]
    page = client.get(plain.headers["Location"])
    assert page.context["form"]["avancement"].value() == "abandonnee"
    assert avancement(fiche) == "a_venir"

    done = client.post(
        cell(fiche, "avancement"),
        {
            "avancement": "abandonnee",
            "motif": "Sans porteur.",
            "empreinte": "a_venir",
            "vue": "kanban",
            "retour": page.context["retour"],
        },
    )
    assert done.headers["Location"] == f"{board(fiche)}{query}#carte-{fiche.pk}"
    assert avancement(fiche) == "abandonnee"


def test_board_is_moved_by_those_who_may(client, fiche):
    client.force_login(HabilitationFactory(convention=fiche.convention, role="lecture").user)

    page = client.get(board(fiche))
    told = move(client, fiche, "en_cours")

    assert [f.suivants for colonne in page.context["colonnes"] for f in colonne.fiches] == [[]]
    assert "Passer à…" not in page.text
    assert "seuls la coordination et ses pilotes" in told.text
    assert avancement(fiche) == "a_venir"


def test_columns_show_their_first_cards(client, coordination, fiche):
    FicheAction.objects.bulk_create(
        FicheAction(plan=fiche.plan, axe=fiche.axe, intitule=f"Fiche {n}", ordre=n + 1) for n in range(64)
    )

    first = client.get(board(fiche)).context["colonnes"][0]
    more = client.get(f"{board(fiche)}?{first.suite}").context["colonnes"][0]
    last = FicheAction.objects.get(ordre=64)
    moved = client.post(board(fiche), {"geste": f"{last.pk}:a_venir:en_pause"}, follow=True)
    move(client, last, "a_venir", depuis="en_pause")
    back = client.get(f"{board(fiche)}?bougee={last.pk}").context["colonnes"][0]

    assert (first.total, len(first.fiches), first.reste) == (65, 20, 45)
    assert (more.total, len(more.fiches), more.reste) == (65, 40, 25)
    assert [f.pk for f in moved.context["colonnes"][2].fiches] == [last.pk]
    # Whoever moved a card sees it, even past the first ones.
    assert back.fiches[0].pk == last.pk


# Views under a name


@pytest.fixture
def add(client, fiche):
    url = reverse("actions:vue_add", args=[fiche.convention.code])

    def post(nom, **data):
        return client.post(url, {"nom": nom, "genre": "kanban", "requete": "avancement=a_venir"} | data)

    return post


def test_view_is_kept_opened_renamed_and_deleted(client, coordination, fiche, add):
    code = fiche.convention.code
    page = client.get(
        reverse("actions:vue_add", args=[code]) + "?genre=kanban&requete=avancement%3Da_venir%26page%3D2"
    )
    assert page.context["form"]["requete"].value() == "avancement=a_venir"
    assert "Avancement\u00a0: À venir" in page.text

    kept = add("  À   lancer ", portee="personnelle")
    vue = VueEnregistree.objects.get()
    assert (vue.nom, vue.auteur, vue.genre) == ("À lancer", coordination, "kanban")
    assert kept.headers["Location"] == f"{board(fiche)}?avancement=a_venir"
    assert "À lancer" in client.get(board(fiche)).text

    client.post(reverse("actions:vue_rename", args=[code, vue.pk]), {"nom": "À démarrer"})
    assert "À démarrer" in client.get(reverse("actions:vues", args=[code])).text
    client.post(reverse("actions:vue_delete", args=[code, vue.pk]))
    assert not VueEnregistree.objects.exists()


def test_one_name_once_for_a_person_and_once_shared(client, coordination, fiche, add):
    add("À lancer", portee="personnelle")
    again = add("à LANCER", portee="personnelle")
    shared = add("À lancer", portee="equipe")
    twice = add("à lancer", portee="equipe")

    assert "Vous avez déjà une vue de ce nom." in again.text
    assert shared.status_code == 302
    assert "Une vue partagée porte déjà ce nom." in twice.text
    assert VueEnregistree.objects.count() == 2
    perso, partagee = VueEnregistree.objects.order_by("pk")
    add("Autre", portee="personnelle")
    rename = reverse("actions:vue_rename", args=[fiche.convention.code, perso.pk])
    assert "Vous avez déjà une vue de ce nom." in client.post(rename, {"nom": "AUTRE"}).text
    assert "Donnez un nom" in client.post(rename, {"nom": "  "}).text


def test_only_the_coordination_shares(client, coordination, fiche, add):
    add("Pour le COPIL", portee="equipe")
    shared = VueEnregistree.objects.get()
    add("À moi", portee="personnelle")
    reader = HabilitationFactory(convention=fiche.convention, role="lecture").user
    client.force_login(reader)
    code = fiche.convention.code

    page = client.get(reverse("actions:vues", args=[code]))
    add("Lecture", portee="equipe")

    assert [str(vue) for vue in page.context["vues"]] == ["Pour le COPIL"]
    assert VueEnregistree.objects.get(nom="Lecture").portee == "personnelle"
    assert client.post(reverse("actions:vue_delete", args=[code, shared.pk])).status_code == 403
    other = VueEnregistree.objects.get(nom="À moi")
    assert client.post(reverse("actions:vue_rename", args=[code, other.pk]), {"nom": "X"}).status_code == 404


def test_view_that_names_what_is_gone_still_opens(client, coordination, fiche, add):
    gone = AxeFactory(plan=fiche.plan)
    add("Axe", requete=f"axe={gone.pk}&avancement=a_venir", portee="personnelle")
    gone.delete()

    page = client.get(VueEnregistree.objects.get().get_absolute_url())

    assert page.context["nb_fiches"] == 1
    assert (
        f"Filtre «\u00a0Axe\u00a0»\u00a0: «\u00a0{gone.pk}\u00a0»" in page.text or "n’est plus" in page.text
    )


def test_hostile_views(client, coordination, fiche, add):
    add("<script>alert(1)</script>", portee="personnelle", requete="q=<script>alert(2)</script>")
    page = client.get(reverse("actions:vues", args=[fiche.convention.code]))
    assert "<script>alert" not in page.text
    assert "<script>alert" not in client.get(board(fiche)).text

    for data, words in (
        ({"genre": "admin"}, "Cette vue n’existe pas"),
        ({"requete": "q=" + "a" * 3000}, "trop de filtres"),
        ({"nom": "a" * 200}, "80 caractères"),
        ({"nom": "\x00"}, "nul"),
    ):
        told = add(**({"nom": "X", "portee": "personnelle"} | data))
        assert told.status_code == 200
        assert words in told.text, data
    assert VueEnregistree.objects.count() == 1


def test_too_many_views_are_refused(coordination, fiche, add):
    VueEnregistree.objects.bulk_create(
        VueEnregistree(convention=fiche.convention, auteur=coordination, nom=f"Vue {n}", genre="fiches")
        for n in range(LIMITE)
    )

    told = add("Une de trop", portee="personnelle")

    assert "supprimez-en une" in told.text
    assert VueEnregistree.objects.count() == LIMITE


def test_the_calendar_as_a_table_is_kept_in_a_view(client, coordination, fiche):
    page = client.get(
        reverse("actions:calendrier", args=[fiche.convention.code]),
        {"avancement": "a_venir", "forme": "tableau"},
    )
    offered = next(
        html.unescape(address)
        for address in re.findall(r'href="([^"]+)"', page.text)
        if "vues/ajouter" in address or "genre=calendrier" in address
    )
    form = client.get(offered)
    assert form.context["url_retour"].endswith("?avancement=a_venir&forme=tableau")

    sent = {name: form.context["form"][name].value() for name in ("genre", "requete")}
    kept = client.post(form.request["PATH_INFO"], sent | {"nom": "Calendrier", "portee": "personnelle"})

    assert client.get(kept.headers["Location"]).context["is_tableau"] is True
