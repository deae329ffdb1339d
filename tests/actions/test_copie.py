"""Copying a fiche: in its plan and to another convention; what follows, what does not, and who may."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.models import (
    Bilan,
    Commentaire,
    FicheAction,
    LienFiche,
    LigneBudget,
    LigneFinancement,
    Mesure,
    Note,
    PartenaireFiche,
)
from actions.models.copie import SECTIONS_COPIEES, copy_fiche
from ctg_portal.workflow import TransitionError
from tests.factories import (
    AxeFactory,
    CommuneFactory,
    ConstatFactory,
    ConventionFactory,
    DiagnosticFactory,
    EnjeuFactory,
    EtapeFactory,
    FicheActionFactory,
    HabilitationFactory,
    OrganisationFactory,
    PieceJointeFactory,
    PiloteFactory,
    PlanActionsFactory,
    UserFactory,
    complete_fiche,
)

TOUTES = [section.slug for section in SECTIONS_COPIEES]


def rich_fiche():
    """A fiche with something in every room, done and paid."""
    annee = timezone.localdate().year
    fiche = complete_fiche(
        code="1.1",
        priorite="haute",
        avancement="realisee",
        fin_reelle=datetime.date(annee, 1, 31),
        elu_referent="Vice-présidence enfance",
        prochaines_etapes="Continuer.",
        confidentielle=True,
    )
    convention = fiche.convention
    fiche.communes.add(CommuneFactory())
    diagnostic = DiagnosticFactory(convention=convention)
    fiche.enjeux.add(EnjeuFactory(diagnostic=diagnostic, intitule="Garder le lien"))
    fiche.constats.add(ConstatFactory(diagnostic=diagnostic))
    fiche.cadres.add(ConventionFactory(nature="gmr", principale=convention))
    EtapeFactory(fiche=fiche, echeance=datetime.date(annee, 1, 15), faite_le=datetime.date(annee, 1, 16))
    PartenaireFiche.objects.create(
        fiche=fiche, organisation=OrganisationFactory(nom="MJC du Val"), role="Accueil"
    )
    PartenaireFiche.objects.create(fiche=fiche, nom="Un collectif d’habitants")
    debut = convention.debut.year
    LigneBudget.objects.create(fiche=fiche, annee=debut, prevu="1000", realise="900")
    LigneFinancement.objects.create(
        fiche=fiche,
        annee=debut,
        financeur=OrganisationFactory(nom="Département"),
        demande="400",
        obtenu="300",
        etat="accorde",
    )
    Mesure.objects.create(indicateur=fiche.indicateurs.get(), annee=debut, valeur="12")
    Note.objects.create(fiche=fiche, texte="Fait.", auteur=UserFactory())
    Bilan.objects.create(fiche=fiche, annee=debut, realise="Tout.")
    Commentaire.objects.create(fiche=fiche, texte="Bien.", auteur=UserFactory())
    return fiche


def log_in(client, *conventions, role="coordination"):
    user = UserFactory(nom="Coordination")
    for convention in conventions:
        HabilitationFactory(user=user, convention=convention, role=role)
    client.force_login(user)
    return user


def copy_url(fiche, cible=None):
    url = reverse("actions:fiche_copy", args=[fiche.convention.code, fiche.pk])
    return f"{url}?vers={cible.code}" if cible else url


def data(fiche, **fields):
    return {"intitule": "La copie", "code": "", "place": f"fiche-{fiche.pk}", "sections": TOUTES} | fields


def copied():
    return FicheAction.objects.get(intitule="La copie")


def test_a_copy_in_its_plan_takes_the_text_and_leaves_what_was_done(client):
    source = rich_fiche()
    user = log_in(client, source.convention)
    before = FicheAction.objects.filter(pk=source.pk).values().get()

    page = client.post(copy_url(source), data(source), follow=True)

    copie = copied()
    assert page.redirect_chain[0][0] == copie.get_absolute_url()
    assert (copie.redaction, copie.avancement, copie.fin_reelle, copie.priorite, copie.prochaines_etapes) == (
        "brouillon",
        "a_venir",
        None,
        "",
        "",
    )
    assert (copie.besoins, copie.confidentielle, copie.elu_referent) == (
        source.besoins,
        True,
        "Vice-présidence enfance",
    )
    for name in ("domaines", "publics", "communes", "enjeux", "constats", "cadres"):
        assert list(getattr(copie, name).all()) == list(getattr(source, name).all()) != []
    assert list(copie.etapes.values_list("echeance", "faite_le")) == [(source.etapes.get().echeance, None)]
    assert list(copie.lignes_budget.values_list("prevu", "realise")) == [(1000, None)]
    assert list(copie.lignes_financement.values_list("demande", "obtenu", "etat")) == [
        (400, None, "envisage")
    ]
    assert copie.partenaires.count() == 2
    assert not Mesure.objects.filter(indicateur__fiche=copie).exists()
    for name in ("notes", "bilans", "commentaires", "journal"):
        assert not getattr(copie, name).exists()
    lien = LienFiche.objects.get()
    assert (lien.depuis, lien.nature, lien.vers, lien.by) == (copie, "issue", source, user)
    assert "Copie de" in page.text
    assert "Copiée dans" in client.get(source.get_absolute_url()).text
    after = FicheAction.objects.filter(pk=source.pk).values().get()
    assert {k: v for k, v in after.items() if k not in ("updated_at", "ordre")} == {
        k: v for k, v in before.items() if k not in ("updated_at", "ordre")
    }


def test_a_copy_elsewhere_says_what_has_no_place_there(client):
    source = rich_fiche()
    nommee, sans_nom = UserFactory(nom="Chargée d’accueil"), UserFactory(nom="", fonction="")
    PiloteFactory(fiche=source, user=nommee, nom="")
    PiloteFactory(fiche=source, user=sans_nom, nom="")
    cible = PlanActionsFactory()
    axe = AxeFactory(plan=cible, code="3")
    kept = CommuneFactory(nom="Commune des deux")
    source.communes.add(kept)
    cible.convention.territoire.communes.add(kept)
    log_in(client, source.convention, cible.convention)
    url = copy_url(source, cible.convention)

    page = client.post(url, data(source, place=f"axe-{axe.pk}"), follow=True)

    copie = copied()
    assert (copie.plan, copie.code, copie.elu_referent) == (cible, "3.1", "")
    assert list(copie.communes.all()) == [kept]
    for name in ("enjeux", "constats", "cadres"):
        assert not getattr(copie, name).exists()
    assert not copie.pilotes.filter(user__isnull=False).exists()
    assert set(copie.pilotes.values_list("nom", flat=True)) == {
        "Chargé·e de mission enfance",
        "Chargée d’accueil",
    }
    assert list(copie.indicateurs.values_list("valeur_initiale", "cible")) == [(None, None)]
    for sentence in (
        "Garder le lien",
        "élu·e référent·e",
        "Chargée d’accueil",
        "Contrats liés d’une autre convention",
    ):
        assert sentence in page.text
    assert sans_nom.email not in page.text


def test_organisations_out_of_the_directory_are_left_and_said(client):
    source = rich_fiche()
    cible = PlanActionsFactory(convention__territoire__departement__code="82")
    axe = AxeFactory(plan=cible)
    log_in(client, source.convention, cible.convention)

    page = client.post(copy_url(source, cible.convention), data(source, place=f"axe-{axe.pk}"), follow=True)

    copie = copied()
    assert copie.structure_pilote is None
    assert list(copie.partenaires.values_list("nom", flat=True)) == ["Un collectif d’habitants"]
    assert not copie.lignes_financement.exists()
    for name in (str(source.structure_pilote), "MJC du Val", "Financeurs absents de l’annuaire"):
        assert name in page.text


def test_years_out_of_the_period_are_left_and_said(client):
    source = rich_fiche()
    convention = source.convention
    later = ConventionFactory(
        debut=convention.fin + datetime.timedelta(days=1), fin=convention.fin + datetime.timedelta(days=1000)
    )
    axe = AxeFactory(plan=PlanActionsFactory(convention=later))
    log_in(client, convention, later)

    page = client.post(copy_url(source, later), data(source, place=f"axe-{axe.pk}"), follow=True)

    assert not copied().lignes_budget.exists()
    assert f"hors de la période de la convention\u00a0: {convention.debut.year}." in page.text


def test_sections_not_chosen_stay_behind(client):
    source = rich_fiche()
    log_in(client, source.convention)

    client.post(copy_url(source), data(source, sections=["contexte"]))

    copie = copied()
    assert (copie.besoins, copie.modalites, copie.echeance) == (source.besoins, "", None)
    for name in ("publics", "pilotes", "etapes", "indicateurs", "lignes_budget", "partenaires"):
        assert not getattr(copie, name).exists()


@pytest.mark.parametrize(("asked", "expected"), [({}, 0), ({"pieces": "on"}, 1)])
def test_attachments_follow_when_asked(client, asked, expected):
    source = complete_fiche()
    piece = PieceJointeFactory(fiche=source)
    PieceJointeFactory(fiche=source).withdraw(by=UserFactory())
    user = log_in(client, source.convention)

    client.post(copy_url(source), data(source, **asked))

    found = copied().pieces.values_list("titre", "fichier", "sha256", "auteur")
    assert list(found) == [(piece.titre, piece.fichier.name, piece.sha256, user.pk)] * expected
    assert source.pieces.count() == 2


def test_a_number_is_not_taken_from_an_archived_fiche(client):
    source = complete_fiche(code="1.1")
    user = log_in(client, source.convention)
    prefix = source.axe.code
    complete_fiche(axe=source.axe, code=f"{prefix}.1").archive(by=user)

    client.post(copy_url(source), data(source, place=f"axe-{source.axe.pk}"))

    assert copied().code == f"{prefix}.2"


@pytest.mark.parametrize(
    "fields",
    [
        {"place": "axe-999999"},
        {"place": ""},
        {"intitule": ""},
        {"intitule": "x" * 301},
        {"sections": ["suivi"]},
        {"intitule": "a\x00b"},
    ],
)
def test_what_cannot_be_copied_is_refused_in_words(client, fields):
    source = complete_fiche()
    log_in(client, source.convention)

    page = client.post(copy_url(source), data(source, **fields))

    assert page.status_code == 200
    assert page.context["form"].errors
    assert FicheAction.objects.count() == 1
    source.refresh_from_db()
    assert source.intitule != fields.get("intitule")


def test_a_place_of_another_plan_is_refused(client):
    source = complete_fiche()
    stranger = FicheActionFactory()
    log_in(client, source.convention)

    page = client.post(copy_url(source), data(source, place=f"fiche-{stranger.pk}"))

    assert "place" in page.context["form"].errors
    assert FicheAction.objects.count() == 2


def test_a_place_gone_meanwhile_leaves_nothing_behind():
    source = complete_fiche()
    neighbour = FicheActionFactory(axe=source.axe)
    FicheAction.objects.filter(pk=neighbour.pk).update(axe=AxeFactory(plan=source.plan))

    with pytest.raises(TransitionError, match="a changé de place"):
        copy_fiche(
            source,
            source.plan,
            axe=source.axe,
            objectif=None,
            after=neighbour,
            intitule="La copie",
            code="",
            sections=TOUTES,
            by=UserFactory(),
        )

    assert not FicheAction.objects.filter(intitule="La copie").exists()


@pytest.mark.parametrize(
    ("cible", "status"),
    [
        (lambda: PlanActionsFactory().convention, 404),
        (lambda: "closed", 404),
    ],
)
def test_only_open_plans_one_coordinates_receive_a_copy(client, cible, status):
    source = complete_fiche()
    user = log_in(client, source.convention)
    target = cible()
    if target == "closed":
        target = PlanActionsFactory(
            convention__statut="close", convention__signee_le=datetime.date(2020, 1, 1)
        ).convention
        HabilitationFactory(user=user, convention=target, role="coordination")

    for method in ("get", "post"):
        assert getattr(client, method)(copy_url(source, target)).status_code == status
    assert FicheAction.objects.count() == 1


def test_a_reader_here_who_coordinates_elsewhere_may_take_a_copy_home(client):
    source = complete_fiche()
    home = AxeFactory()
    user = log_in(client, home.plan.convention)
    HabilitationFactory(user=user, convention=source.convention, role="lecture")

    client.post(copy_url(source), data(source, place=f"axe-{home.pk}"))
    copie = copied()

    assert copie.plan == home.plan
    # Whoever may not read the copy sees no trace of it on the source.
    stranger = HabilitationFactory(convention=source.convention, role="coordination").user
    client.force_login(stranger)
    client.get(source.get_absolute_url())
    page = client.get(source.get_absolute_url()).text
    assert "Copiée dans" not in page
    assert "La copie" not in page


def test_a_confidential_fiche_is_not_copied_by_who_may_not_read_it(client):
    source = complete_fiche(confidentielle=True)
    home = AxeFactory()
    user = log_in(client, home.plan.convention)
    HabilitationFactory(user=user, convention=source.convention, role="lecture")

    assert client.post(copy_url(source), data(source, place=f"axe-{home.pk}")).status_code == 404
    assert FicheAction.objects.count() == 1


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_does_not_grow(client, django_assert_num_queries, count):
    source = complete_fiche()
    for _ in range(count):
        PiloteFactory(fiche=source, user=UserFactory(), nom="")
        EtapeFactory(fiche=source)
        FicheActionFactory(axe=source.axe)
    log_in(client, source.convention, PlanActionsFactory().convention)

    with django_assert_num_queries(13):
        client.get(copy_url(source))
