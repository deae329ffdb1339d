import datetime
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.models import (
    Commentaire,
    FicheAction,
    Genre,
    Note,
    Notification,
    ReglageNotification,
    Transition,
)
from actions.permissions import count_unread
from actions.rappels import remind
from conventions.models import Habilitation
from ctg_portal.models import User
from tests.factories import (
    EtapeFactory,
    FicheActionFactory,
    HabilitationFactory,
    PiloteFactory,
    UserFactory,
    complete_fiche,
)
from tests.world import build_world


def person(fiche, role, **fields):
    user = UserFactory(**fields)
    HabilitationFactory(user=user, role=role, convention=fiche.convention)
    return user


def told(genre=None):
    rows = Notification.objects.all() if genre is None else Notification.objects.filter(genre=genre)
    return {row.destinataire for row in rows}


def bell(response):
    """The figure of the bell; nothing when there is none."""
    found = re.search(r'class="cloche-compte"[^>]*>(\d+\+?)<', response.text)
    return found[1] if found else ""


@pytest.fixture
def fiche():
    return complete_fiche(intitule="Ouvrir un relais itinérant")


@pytest.fixture
def team(fiche):
    people = {role: person(fiche, role) for role in ("coordination", "redaction", "relecture", "lecture")}
    PiloteFactory(fiche=fiche, user=people["redaction"], nom="")
    return people


def test_verbs_tell_whoever_acts_next_in_the_same_transaction(fiche, team):
    fiche.submit(by=team["coordination"])
    fiche.ask_completion(by=team["relecture"], motif="Chiffrez le besoin.")
    fiche.submit(by=team["redaction"])
    fiche.validate(by=team["relecture"])

    assert told(Genre.SOUMISE) == {team["relecture"]}
    assert told(Genre.A_COMPLETER) == {team["coordination"], team["redaction"]}
    assert told(Genre.VALIDEE) == {team["coordination"], team["redaction"]}
    assert Notification.objects.filter(genre=Genre.SOUMISE).count() == 2


def test_nothing_is_told_when_the_verb_is_refused(fiche, team):
    fiche.code = ""
    fiche.save()

    with pytest.raises(Exception, match="il manque"):
        fiche.submit(by=team["coordination"])

    assert told() == set()


def test_one_event_is_told_once_to_a_person_and_never_to_its_author(fiche, team):
    fiche.submit(by=team["coordination"])
    for _ in range(2):
        Notification.objects.tell(
            Genre.COMMENTAIRE, fiche, team.values(), cle="commentaire:1", by=team["coordination"]
        )

    rows = Notification.objects.filter(genre=Genre.COMMENTAIRE)
    assert sorted(row.destinataire_id for row in rows) == sorted(
        user.pk for role, user in team.items() if role != "coordination"
    )


def test_a_draft_is_told_to_those_who_write_it_and_to_whoever_is_named(fiche, team):
    assert fiche.redaction == FicheAction.Redaction.BROUILLON
    tell = Notification.objects.tell
    tell(Genre.COMMENTAIRE, fiche, team.values(), cle="commentaire:1")
    tell(Genre.MENTION, fiche, [team["lecture"]], cle="commentaire:2")

    assert told(Genre.COMMENTAIRE) == {team["coordination"], team["redaction"]}
    assert told(Genre.MENTION) == {team["lecture"]}


def test_closed_accounts_and_strangers_are_not_told(fiche, team):
    fiche.submit(by=team["coordination"])
    User.objects.filter(pk=team["lecture"].pk).update(is_active=False)
    closed = User.objects.get(pk=team["lecture"].pk)

    Notification.objects.tell(Genre.COMMENTAIRE, fiche, [closed, UserFactory()], cle="commentaire:1")

    assert told(Genre.COMMENTAIRE) == set()


def test_a_remark_is_told_to_those_concerned(fiche, team):
    fiche.submit(by=team["coordination"])
    Commentaire.objects.create(
        fiche=fiche, section="contexte", texte="Quelle source ?", auteur=team["relecture"]
    )
    answer = Commentaire.objects.create(
        fiche=fiche, section="contexte", texte="La CAF.", auteur=team["redaction"]
    )
    Notification.objects.tell_commentaire(answer, mentions=[team["lecture"]])

    assert told(Genre.COMMENTAIRE) == {team["coordination"], team["relecture"]}
    assert told(Genre.MENTION) == {team["lecture"]}


def test_rights_are_read_again_each_time(client, fiche, team):
    fiche.submit(by=team["coordination"])
    reader = team["lecture"]
    Notification.objects.tell(Genre.COMMENTAIRE, fiche, [reader], cle="commentaire:1")

    def mine(user):
        """The list, and the figure of the bell, which must agree."""
        seen = Notification.objects.visible_to(user).non_lues()
        assert count_unread(User.objects.get(pk=user.pk)) == seen.count()
        return seen

    assert mine(reader).count() == 1
    FicheAction.objects.filter(pk=fiche.pk).update(confidentielle=True)
    assert mine(reader).count() == 0
    FicheAction.objects.filter(pk=fiche.pk).update(confidentielle=False, redaction="brouillon")
    assert mine(reader).count() == 0
    FicheAction.objects.filter(pk=fiche.pk).update(redaction="en_relecture")
    Habilitation.objects.filter(user=reader).delete()
    assert mine(reader).count() == 0

    client.force_login(reader)
    assert "relais itinérant" not in client.get(reverse("actions:notifications"), {"etat": "toutes"}).text


def test_the_bell_counts_what_is_unread(client, fiche, team):
    fiche.submit(by=team["coordination"])
    client.force_login(team["relecture"])
    page = reverse("actions:a_relire")
    assert bell(client.get(page)) == "1"

    ReglageNotification.objects.create(user=team["relecture"], genre=Genre.SOUMISE, portail=False)
    assert bell(client.get(page)) == ""
    assert "Ouvrir un relais" not in client.get(reverse("actions:notifications")).text


@pytest.mark.parametrize("redaction", ["brouillon", "en_relecture"])
@pytest.mark.parametrize("confidentielle", [False, True])
def test_the_bell_says_what_the_list_shows_to_every_role(fiche, redaction, confidentielle):
    people = [person(fiche, role) for role in Habilitation.ROLES_CONVENTION]
    pilote = person(fiche, "lecture")
    PiloteFactory(fiche=fiche, user=pilote, nom="")
    FicheAction.objects.filter(pk=fiche.pk).update(
        redaction=redaction, confidentielle=confidentielle, soumise_le=timezone.now()
    )
    for user in [*people, pilote, UserFactory()]:
        for genre in (Genre.COMMENTAIRE, Genre.MENTION):
            Notification.objects.create(destinataire=user, genre=genre, fiche=fiche, cle=genre)
        Notification.objects.create(destinataire=user, genre=Genre.AVIS_DU, plan=fiche.plan, cle="avis")

    counts = {}
    for user in User.objects.filter(notifications__isnull=False).distinct():
        counts[user.pk] = count_unread(user)
        assert counts[user.pk] == Notification.objects.visible_to(user).non_lues().count()

    assert max(counts.values()) == 3
    assert min(counts.values()) == 0


def test_the_bell_costs_no_query(client, django_assert_num_queries, fiche, team):
    client.force_login(team["relecture"])
    fiche.submit(by=team["coordination"])
    for rank in range(3):
        Notification.objects.tell(Genre.COMMENTAIRE, fiche, [team["relecture"]], cle=f"commentaire:{rank}")

    # A savepoint (two), the session, the person, their roles (which bring the figure of the bell), two of preferences.
    with django_assert_num_queries(7):
        response = client.get(reverse("actions:notifications_preferences"))

    assert bell(response) == "4"


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_does_not_grow(client, django_assert_num_queries, fiche, team, count):
    fiches = [fiche, *(complete_fiche(axe=fiche.axe) for _ in range(count - 1))]
    for one in fiches:
        one.submit(by=team["coordination"])
    client.force_login(team["relecture"])

    with django_assert_num_queries(9):
        response = client.get(reverse("actions:notifications"))

    assert response.text.count("Marquer comme lue<") == count


def test_read_one_open_one_read_all(client, fiche, team):
    reader = team["relecture"]
    fiche.submit(by=team["coordination"])
    for rank in range(2):
        Notification.objects.tell(
            Genre.COMMENTAIRE, fiche, [reader], cle=f"commentaire:{rank}", ancre="contexte"
        )
    first, second, third = Notification.objects.filter(destinataire=reader).order_by("pk")
    client.force_login(reader)
    url = reverse("actions:notification_read")

    put_away = client.post(url, {"notification": first.pk})
    opened = client.post(url, {"notification": second.pk, "suite": "ouvrir"})

    assert put_away.headers["Location"] == reverse("actions:notifications")
    assert opened.headers["Location"] == f"{fiche.get_absolute_url()}#contexte"
    unread = Notification.objects.filter(destinataire=reader).non_lues()
    assert unread.get() == third
    assert (
        "Une notification est marquée comme lue."
        in client.post(reverse("actions:notifications_read_all"), follow=True).text
    )
    assert unread.count() == 0


@pytest.mark.parametrize("sent", [{}, {"notification": "x"}, {"notification": "999999999"}])
def test_reading_what_is_not_there_is_said(client, team, sent):
    client.force_login(team["lecture"])

    response = client.post(reverse("actions:notification_read"), sent, follow=True)

    assert "Cette notification n’est plus là." in response.text


def test_nobody_reads_for_another(client, fiche, team):
    fiche.submit(by=team["coordination"])
    row = Notification.objects.get(destinataire=team["relecture"])
    client.force_login(team["lecture"])

    client.post(reverse("actions:notification_read"), {"notification": row.pk, "suite": "ouvrir"})
    client.post(reverse("actions:notifications_read_all"))

    row.refresh_from_db()
    assert row.lue_le is None


def test_filters_and_their_nonsense(client, fiche, team):
    reader = team["relecture"]
    fiche.submit(by=team["coordination"])
    Notification.objects.tell(Genre.COMMENTAIRE, fiche, [reader], cle="commentaire:1")
    Notification.objects.filter(genre=Genre.SOUMISE).read()
    client.force_login(reader)

    def genres(query):
        response = client.get(reverse("actions:notifications") + query)
        return [row.genre for row in response.context["notifications"]]

    assert genres("") == ["commentaire"]
    assert genres("?etat=toutes") == ["commentaire", "soumise"]
    assert genres("?etat=toutes&genre=soumise") == ["soumise"]
    assert genres(f"?convention={fiche.convention.pk}") == ["commentaire"]
    assert genres("?convention=999999&genre=nimporte&etat=x") == ["commentaire"]


def test_a_hostile_title_is_text(client, fiche, team):
    fiche.intitule = "<script>alert(1)</script>\u202e"
    fiche.save()
    fiche.submit(by=team["coordination"])
    client.force_login(team["relecture"])

    page = client.get(reverse("actions:notifications")).text

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_pilotes_are_told_from_the_section(client, fiche, team):
    client.force_login(team["coordination"])
    url = reverse("actions:fiche_edit", args=[fiche.convention.code, fiche.pk, "equipe"])
    form = client.get(url).context["form"]
    sent = {f"{name}": value or "" for name, value in form.initial.items() if name in form.fields}
    for prefix, formset in form.formsets.items():
        for bound in [formset.management_form, *formset.forms]:
            sent |= {bound.add_prefix(name): bound[name].value() or "" for name in bound.fields}
        sent |= {f"{prefix}-INITIAL_FORMS": formset.initial_form_count()}
    free = next(i for i, row in enumerate(form.formsets["pilotes"].forms) if row.instance.pk is None)
    sent[f"pilotes-{free}-user"] = team["relecture"].pk

    response = client.post(url, sent)

    assert response.status_code == 302, response.context["form"].errors
    # A draft: the reviewer pilots it now, and so is told.
    assert told(Genre.PILOTE) == {team["relecture"]}


# Reminders


def silent_fiche(**fields):
    fiche = complete_fiche(avancement="en_cours", **fields)
    FicheAction.objects.filter(pk=fiche.pk).update(created_at=timezone.now() - datetime.timedelta(days=400))
    return fiche


def test_reminders_are_told_once_and_settle_by_themselves(fiche):
    pilote = person(fiche, "redaction")
    PiloteFactory(fiche=fiche, user=pilote, nom="")
    yesterday = timezone.localdate() - datetime.timedelta(days=1)
    etape = EtapeFactory(fiche=fiche, intitule="Louer le local", echeance=yesterday)
    EtapeFactory(fiche=fiche, echeance=yesterday, faite_le=yesterday)

    remind()
    remind()

    row = Notification.objects.get()
    assert (row.genre, row.destinataire, row.detail) == (Genre.ETAPE_EN_RETARD, pilote, "Louer le local")
    assert row.get_absolute_url() == reverse(
        "actions:fiche_nouvelles", args=[fiche.convention.code, fiche.pk]
    )
    etape.complete()
    remind()
    assert Notification.objects.non_lues().count() == 0


def test_an_overdue_step_without_account_is_told_to_the_coordination(fiche, team):
    fiche.pilotes.all().delete()
    EtapeFactory(fiche=fiche, echeance=timezone.localdate() - datetime.timedelta(days=1))

    remind()

    assert told() == {team["coordination"]}


@pytest.mark.parametrize(
    "fields",
    [{"avancement": "realisee"}, {"redaction": "archivee"}, {"plan__convention__statut": "close"}],
)
def test_finished_archived_and_closed_are_not_asked_after(fields):
    fiche = silent_fiche()
    pilote = person(fiche, "redaction")
    PiloteFactory(fiche=fiche, user=pilote, nom="")
    EtapeFactory(fiche=fiche, echeance=timezone.localdate() - datetime.timedelta(days=1))
    statut = fields.pop("plan__convention__statut", None)
    FicheAction.objects.filter(pk=fiche.pk).update(**fields)
    if statut:
        type(fiche.convention).objects.filter(pk=fiche.convention.pk).update(statut=statut)

    remind()

    assert told() == set()


def test_silence_is_told_after_six_months_then_after_six_more():
    fiche = silent_fiche()
    pilote = person(fiche, "redaction")
    PiloteFactory(fiche=fiche, user=pilote, nom="")
    today = timezone.localdate()
    FicheAction.objects.filter(pk=fiche.pk).update(created_at=timezone.now() - datetime.timedelta(days=181))
    assert remind(today) == 0
    assert remind(today + datetime.timedelta(days=1)) == 1
    remind(today + datetime.timedelta(days=100))
    assert Notification.objects.filter(genre=Genre.SANS_NOUVELLE).count() == 1
    remind(today + datetime.timedelta(days=184))
    assert Notification.objects.filter(genre=Genre.SANS_NOUVELLE).count() == 2


@pytest.mark.parametrize("news", ["note", "etape", "avancement"])
def test_news_end_a_silence(news):
    fiche = silent_fiche()
    author = person(fiche, "coordination")
    assert remind() == 1
    if news == "note":
        Note.objects.create(fiche=fiche, texte="Réunion tenue.", auteur=author)
    elif news == "etape":
        EtapeFactory(fiche=fiche, faite_le=timezone.localdate())
    else:
        Transition.objects.create(
            fiche=fiche, champ="avancement", depuis="a_venir", vers="en_cours", by=author
        )

    assert remind() == 0
    assert Notification.objects.non_lues().count() == 0


# Preferences


def test_preferences_are_kept_and_read(client, fiche, team):
    client.force_login(team["relecture"])
    url = reverse("actions:notifications_preferences")
    fields = client.get(url).context["form"].fields
    sent = {name: "on" for name in fields if name not in ("frequence", "courriel_soumise")}

    response = client.post(url, sent | {"frequence": "hebdomadaire"}, follow=True)

    assert "Vos préférences sont enregistrées." in response.text
    form = client.get(url).context["form"]
    assert form["frequence"].value() == "hebdomadaire"
    off = [name for name in fields if form[name].value() is False]
    assert off == ["courriel_soumise"]
    wrong = client.post(url, {"frequence": "toutes les heures"})
    assert wrong.status_code == 200
    assert "frequence" in wrong.context["form"].errors


def test_the_world_has_something_for_the_bell(client):
    world = build_world()
    client.force_login(world.people["lecture"])

    assert "Former les assistantes maternelles" in client.get(reverse("actions:notifications")).text
    assert FicheActionFactory().notifications.count() == 0
