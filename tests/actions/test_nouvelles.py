"""Half a minute for a pilote: the short page, and the list that says where it is awaited."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.models import Bilan, Brouillon, Commentaire, Etape, FicheAction, Note
from actions.models.attentes import annee_du_bilan, piloted_by
from actions.rappels import remind
from conventions.models import Convention
from tests.factories import EtapeFactory, HabilitationFactory, PiloteFactory, UserFactory, complete_fiche


def pilote_of(fiche, role="redaction", user=None):
    user = user or UserFactory()
    HabilitationFactory(user=user, role=role, convention=fiche.convention)
    PiloteFactory(fiche=fiche, user=user, nom="")
    return user


def url_of(fiche):
    return reverse("actions:fiche_nouvelles", args=[fiche.convention.code, fiche.pk])


def days(count):
    return timezone.localdate() + datetime.timedelta(days=count)


@pytest.fixture
def fiche():
    return complete_fiche(intitule="Ouvrir un relais itinérant", avancement="en_cours")


def opened(client, fiche):
    """What the page sends back when nothing is typed."""
    form = client.get(url_of(fiche)).context["form"]
    values = {name: form[name].value() for name in form.fields}
    return {name: f"{value}" for name, value in values.items() if value not in (None, "", False)}


def test_avancement_note_and_step_in_one_go(client, fiche):
    user = pilote_of(fiche)
    etape = EtapeFactory(fiche=fiche, intitule="Louer le local", echeance=days(-3))
    EtapeFactory(fiche=fiche, intitule="Ouvrir", echeance=days(30))
    client.force_login(user)
    remind()
    assert user.notifications.non_lues().count() == 1

    sent = opened(client, fiche) | {
        "avancement": "en_pause",
        "note": "  Travaux repoussés. ",
        "etape_faite": "on",
    }
    page = client.post(url_of(fiche), sent, follow=True)

    assert "Merci : vos nouvelles sont enregistrées." in page.text
    fiche.refresh_from_db()
    etape.refresh_from_db()
    assert (fiche.avancement, etape.faite_le) == ("en_pause", timezone.localdate())
    assert list(fiche.notes.values_list("texte", "auteur")) == [("Travaux repoussés.", user.pk)]
    assert fiche.journal.get(champ="avancement").by == user
    assert user.notifications.non_lues().count() == 0


def test_a_new_date_or_a_new_step(client, fiche):
    etape = EtapeFactory(fiche=fiche, echeance=days(-3))
    client.force_login(pilote_of(fiche))
    client.post(url_of(fiche), opened(client, fiche) | {"etape_echeance": days(20).isoformat()})
    etape.refresh_from_db()
    assert (etape.echeance, etape.faite_le) == (days(20), None)

    etape.delete()
    sent = opened(client, fiche) | {"etape_intitule": "Signer le bail", "etape_echeance": days(9).isoformat()}
    client.post(url_of(fiche), sent)
    assert list(Etape.objects.values_list("intitule", "echeance")) == [("Signer le bail", days(9))]


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({}, None, "Rien à enregistrer"),
        ({"note": "   "}, None, "Rien à enregistrer"),
        ({"note": "x" * 5001}, "note", "5000"),
        ({"avancement": "abandonnee"}, "note", "pourquoi l’action est abandonnée"),
        ({"avancement": "nimporte"}, "avancement", "Sélectionnez un choix valide"),
        ({"avancement": ""}, "avancement", "obligatoire"),
        ({"etape_echeance": "2026-02-31"}, "etape_echeance", "date valide"),
        ({"etape_echeance": "0026-02-01"}, "etape_echeance", "Vérifiez l’année"),
        ({"etape_echeance": "2026-02-01"}, "etape_intitule", "quelle est cette étape"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(client, fiche, typed, field, said):
    user = pilote_of(fiche)
    client.force_login(user)

    response = client.post(url_of(fiche), opened(client, fiche) | typed)

    assert response.status_code == 200
    assert said in str(response.context["form"].errors[field or "__all__"])
    assert (Note.objects.count(), Etape.objects.count()) == (0, 0)
    kept = Brouillon.objects.get(user=user, fiche=fiche, section="nouvelles").as_data()
    assert {name: kept[name] for name in typed} == typed


def test_a_fiche_that_moved_meanwhile_is_not_overwritten(client, fiche):
    user = pilote_of(fiche)
    client.force_login(user)
    sent = opened(client, fiche) | {"avancement": "en_pause", "note": "Rien de neuf."}
    fiche.move_avancement("realisee", by=user)

    refused = client.post(url_of(fiche), sent)

    assert "L’action est passée à «\u202fréalisée" in refused.text.replace("« ", "«\u202f")
    assert "Rien de neuf." in refused.text
    fiche.refresh_from_db()
    assert (fiche.avancement, fiche.notes.count()) == ("realisee", 0)
    # The second try knows: what is chosen then is saved.
    again = opened(client, fiche) | {"note": "Rien de neuf."}
    assert client.post(url_of(fiche), again).status_code == 302
    assert fiche.notes.get().texte == "Rien de neuf."


def test_a_step_done_by_somebody_else_is_said(client, fiche):
    etape = EtapeFactory(fiche=fiche, echeance=days(-3))
    client.force_login(pilote_of(fiche))
    sent = opened(client, fiche) | {"etape_faite": "on"}
    etape.complete()

    response = client.post(url_of(fiche), sent)

    assert "La prochaine étape n’est plus la même" in response.text


def test_an_archived_fiche_refuses_and_keeps_the_words(client, fiche):
    user = pilote_of(fiche)
    client.force_login(user)
    sent = opened(client, fiche) | {"note": "Une dernière nouvelle."}
    FicheAction.objects.filter(pk=fiche.pk).update(redaction="archivee")

    refused = client.post(url_of(fiche), sent)
    moved = client.get(url_of(fiche), follow=True)

    assert "La fiche est maintenant « archivée »" in refused.text
    assert "Une dernière nouvelle." in refused.text
    assert "La fiche est maintenant « archivée »" in moved.text
    assert Brouillon.objects.get(user=user).as_data()["note"] == "Une dernière nouvelle."


def test_a_draft_is_kept_offered_again_and_ends_with_the_saving(client, fiche):
    user = pilote_of(fiche)
    client.force_login(user)
    keep = reverse("actions:brouillon_keep", args=[fiche.convention.code, fiche.pk, "nouvelles"])
    sent = opened(client, fiche) | {"note": "Commencé dans le bus"}

    assert client.post(keep, sent).text.startswith("Brouillon gardé à")
    assert "Vous aviez commencé à modifier cette rubrique" in client.get(url_of(fiche)).text
    resumed = client.get(url_of(fiche), {"brouillon": 1})
    assert "Commencé dans le bus" in resumed.text
    client.post(url_of(fiche), sent)

    assert Brouillon.objects.count() == 0
    assert fiche.notes.count() == 1


def test_afterwards_the_next_fiche_that_waits_is_offered(client, fiche):
    user = pilote_of(fiche)
    other = complete_fiche(axe=fiche.axe, intitule="Former les assistantes", echeance=days(-40))
    PiloteFactory(fiche=other, user=user, nom="")
    client.force_login(user)

    page = client.post(url_of(fiche), opened(client, fiche) | {"note": "Ouvert."}, follow=True)
    assert "Former les assistantes" in page.text
    assert url_of(other) in page.text

    last = client.post(url_of(other), opened(client, other) | {"avancement": "realisee"}, follow=True)
    assert "Aucune autre fiche n’attend de nouvelles" in last.text


def test_a_pilote_without_the_role_is_refused(client, fiche):
    client.force_login(pilote_of(fiche, role="lecture"))

    assert client.get(url_of(fiche)).status_code == 403


# Mes fiches


def codes(user):
    return [[attente.code for attente in fiche.attentes] for fiche in piloted_by(user)]


def test_what_is_expected_the_most_pressing_first(client):
    fiche = complete_fiche(intitule="Silencieuse", avancement="en_cours")
    user = pilote_of(fiche)
    axe = fiche.axe
    others = {
        name: complete_fiche(axe=axe, intitule=name, **fields)
        for name, fields in {
            "Calme": {"avancement": "realisee", "fin_reelle": days(-2000)},
            "Échue": {"echeance": days(-2)},
            "En étape": {},
            "Commentée": {},
            "À compléter": {},
        }.items()
    }
    for other in others.values():
        PiloteFactory(fiche=other, user=user, nom="")
    FicheAction.objects.update(redaction="validee", soumise_le=timezone.now())
    FicheAction.objects.filter(pk=others["À compléter"].pk).update(redaction="a_completer")
    FicheAction.objects.filter(pk=fiche.pk).update(created_at=timezone.now() - datetime.timedelta(days=300))
    EtapeFactory(fiche=others["En étape"], intitule="Louer", echeance=days(-1))
    Commentaire.objects.create(fiche=others["Commentée"], texte="Et ?", auteur=UserFactory())
    Commentaire.objects.create(fiche=others["Calme"], texte="À moi-même", auteur=user)
    # A note that the CAF keeps for itself, and a thread that was answered, ask nothing of anybody here.
    Commentaire.objects.create(fiche=others["Calme"], texte="Entre nous", auteur=UserFactory(), portee="caf")
    Commentaire.objects.create(fiche=others["Calme"], texte="Merci", auteur=UserFactory(), etat="repondu")
    Bilan.objects.create(fiche=fiche, annee=annee_du_bilan(timezone.localdate()), realise="Fait.")
    Bilan.objects.update(updated_at=timezone.now() - datetime.timedelta(days=300))

    found = piloted_by(user)

    assert [(one.intitule, [attente.code for attente in one.attentes]) for one in found] == [
        ("À compléter", ["a_completer"]),
        ("Échue", ["echeance"]),
        ("En étape", ["etape"]),
        ("Commentée", ["commentaire"]),
        ("Silencieuse", ["silence"]),
        ("Calme", []),
    ]
    client.force_login(user)
    page = client.get(reverse("actions:mes_fiches"))
    assert "<strong>5 fiches</strong> sur 6 attendent quelque chose de vous." in page.text
    assert "L’étape «\u00a0Louer\u00a0» est en retard de 1 jour." in page.text
    assert "Aucune nouvelle depuis 10 mois." in page.text


def test_the_bilan_of_the_year_is_asked_for_once_it_ends():
    assert annee_du_bilan(datetime.date(2026, 11, 30)) == 2025
    assert annee_du_bilan(datetime.date(2026, 12, 1)) == 2026
    assert annee_du_bilan(datetime.date(2027, 2, 1)) == 2026
    fiche = complete_fiche(avancement="en_cours", debut=days(-800), redaction="brouillon")
    user = pilote_of(fiche)
    annee = annee_du_bilan(timezone.localdate())
    Convention.objects.filter(pk=fiche.convention.pk).update(
        debut=datetime.date(annee - 1, 1, 1), fin=datetime.date(annee + 3, 12, 31)
    )

    assert codes(user) == [["bilan", "brouillon"]]
    Bilan.objects.create(fiche=fiche, annee=annee, realise="Fait.")
    assert codes(user) == [["brouillon"]]


def test_nothing_is_expected_on_a_closed_convention():
    fiche = complete_fiche(echeance=days(-10))
    user = pilote_of(fiche)
    Convention.objects.filter(pk=fiche.convention.pk).update(statut="close")

    assert codes(user) == [[]]


def test_fiches_of_several_conventions_come_together(client):
    first, second = complete_fiche(intitule="Ici"), complete_fiche(intitule="Là-bas", echeance=days(-1))
    user = pilote_of(first)
    pilote_of(second, user=user)
    hidden = complete_fiche(intitule="Sans rôle")
    PiloteFactory(fiche=hidden, user=user, nom="")

    assert [fiche.intitule for fiche in piloted_by(user)] == ["Là-bas", "Ici"]


def test_whoever_pilots_nothing_is_told_of_a_name_like_theirs(client):
    fiche = complete_fiche()
    PiloteFactory(fiche=fiche, nom="Mme MARTIN Élise")
    user = UserFactory(nom="Elise Martin")
    HabilitationFactory(user=user, role="redaction", convention=fiche.convention)
    client.force_login(user)

    assert "«\u00a0Mme MARTIN Élise\u00a0»" in client.get(reverse("actions:mes_fiches")).text.replace(
        "&nbsp;", "\u00a0"
    )
