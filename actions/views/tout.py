"""« Tout modifier »: every section of a fiche that is open to the visitor, on one page and with one button."""

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.utils.functional import cached_property
from django.views.generic import DetailView

from actions.forms.tout import PARTIES, add_prefix, build, strip_prefix
from actions.models import Brouillon, complements_of, complete_section
from actions.models.brouillon import ETAPES
from actions.views.base import FicheMixin
from actions.views.fiches import SUIVIES, warn_of_shared_code
from ctg_portal.mixins import WhileOpenMixin
from ctg_portal.session import fits, forget_words, kept_words, session_end, sign_author

ANCRES = {ETAPES: "modalites"}


class FicheToutEditView(WhileOpenMixin, FicheMixin, DetailView):
    """What was touched is saved section by section: one that is refused keeps its words and stops no other."""

    template_name = "actions/fiche_tout.html"
    permission = "actions.follow_ficheaction"
    role_permission = "actions.write_ficheaction"
    keeps_words = True

    def get_queryset(self):
        fiches = super().get_queryset()
        return fiches.select_for_update(of=("self",)) if self.request.method == "POST" else fiches

    @cached_property
    def ouvertes(self):
        """Slugs of the sections the visitor may write now."""
        user, fiche = self.request.user, self.object
        changes = user.has_perm("actions.change_ficheaction", fiche)
        follows = user.has_perm("actions.follow_ficheaction", fiche)
        return [
            slug
            for slug, _, _ in PARTIES
            if (follows if slug in {*SUIVIES, ETAPES} else changes) and not self.is_locked(slug)
        ]

    @cached_property
    def complements(self):
        """What the CAF asked to complete, if it did: the sections it did not name are locked."""
        return complements_of(self.object)

    def is_locked(self, slug):
        return slug != ETAPES and self.complements.is_locked(slug)

    @cached_property
    def brouillons(self):
        """What this person typed in each section and did not save."""
        mine = Brouillon.objects.visible_to(self.request.user).filter(fiche=self.object)
        return {draft.section: draft for draft in mine if draft.section in self.ouvertes}

    def get(self, request, *args, **kwargs):
        self.object = self.get_object()
        words = kept_words(request)
        if words is not None:
            data = {
                slug: words for slug in self.ouvertes if any(name.startswith(f"{slug}-") for name in words)
            }
        elif "brouillon" in request.GET:
            data = {slug: add_prefix(draft.donnees, slug) for slug, draft in self.brouillons.items()}
        else:
            data = {}
        parties = build(self.object, self.ouvertes, data)
        for partie in parties:
            if partie.form.is_bound:
                partie.form.is_valid()
        context = self.get_context_data(
            parties=parties,
            is_reconnected=words is not None,
            is_resumed=bool(data),
            brouillons=[] if data else list(self.brouillons.values()),
        )
        return self.render_to_response(context)

    def post(self, request, *args, **kwargs):
        self.object = self.get_object()
        all_slugs = [slug for slug, _, _ in PARTIES]
        data = dict.fromkeys(all_slugs, request.POST)
        touched = [
            partie for partie in build(self.object, all_slugs, data) if partie.is_touched(request.POST)
        ]
        saved = [partie for partie in touched if self.save(partie)]
        refused = {partie.slug: partie for partie in touched if partie not in saved}
        Brouillon.objects.visible_to(request.user).filter(
            fiche=self.object, section__in=[partie.slug for partie in saved]
        ).delete()
        forget_words(request)
        self.tell(saved, refused.values())
        if not refused:
            return HttpResponseRedirect(self.object.get_absolute_url())
        self.object.refresh_from_db(from_queryset=self.get_queryset())
        fresh = build(self.object, self.ouvertes, {})
        parties = [refused.get(partie.slug, partie) for partie in fresh]
        parties += [partie for slug, partie in refused.items() if slug not in self.ouvertes]
        return self.render_to_response(
            self.get_context_data(parties=parties, is_reconnected=False, is_resumed=False, brouillons=[])
        )

    def save(self, partie):
        """Whether the section was saved; else its words are kept as a draft."""
        form = partie.form
        if partie.slug not in self.ouvertes:
            locked = self.is_locked(partie.slug)
            reason = self.complements.refus(partie.slug) if locked else self.state_sentence(self.object)
            form.add_error(None, f"{reason} Votre saisie est gardée : copiez-la.")
        elif form.is_valid():
            form.save()
            form.announce(by=self.request.user)
            complete_section(self.object, partie.slug, by=self.request.user)
            if "code" in form.changed_data:
                warn_of_shared_code(self.request, form.instance)
            return True
        if fits(self.request.POST):
            words = strip_prefix(self.request.POST, partie.slug)
            Brouillon.keep(self.object, partie.slug, words, by=self.request.user)
        return False

    def tell(self, saved, refused):
        if saved:
            names = ", ".join(f"« {partie.titre} »" for partie in saved)
            messages.success(self.request, f"Enregistré : {names}.")
        if refused:
            names = ", ".join(f"« {partie.titre} »" for partie in refused)
            messages.warning(
                self.request,
                f"Pas encore enregistré : {names}. Votre saisie est gardée, la raison est dite plus bas.",
            )
        if not saved and not refused:
            messages.info(self.request, "Rien n’a changé : rien n’a été enregistré.")

    def get_context_data(self, **kwargs):
        user = self.request.user
        return super().get_context_data(
            auteur=sign_author(user), session_fin=session_end(self.request), ancres=ANCRES, **kwargs
        )
