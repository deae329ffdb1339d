from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import FormView, TemplateView

from conventions.forms.articles import ArticleAddForm, ArticleEditForm, ArticlesOrderForm
from conventions.mixins import InConventionMixin
from conventions.models import ArticleConvention
from conventions.operations.articles import (
    REPERES,
    articles_of,
    find_article,
    is_propose,
    lock_articles,
    remove_article,
    restore_proposed,
)
from ctg_portal.mixins import TransitionFormMixin
from ctg_portal.workflow import TransitionError


class ArticlesMixin(InConventionMixin):
    """The articles of the convention; whoever writes holds them until the end of the request."""

    room = "convention"
    convention_permission = "conventions.change_convention"

    @cached_property
    def articles(self):
        if self.request.method == "POST":
            lock_articles(self.convention)
        return articles_of(self.convention)

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            is_propose=is_propose(self.articles), url_back=self.get_success_url(), **kwargs
        )

    def get_success_url(self):
        return reverse("governance:convention_texte", args=[self.convention.code])


class ArticleFormView(ArticlesMixin, TransitionFormMixin, FormView):
    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"convention": self.convention, "articles": self.articles}


class OneArticleMixin:
    """The article that the address names: a key, or the word of a proposed one.

    One that was taken out since the page was opened is said in words, and what was typed is kept.
    """

    @cached_property
    def article(self):
        found = find_article(self.convention, self.articles, self.kwargs["cle"])
        if found is None:
            raise Http404
        return found

    def get(self, request, *args, **kwargs):
        if self.article.disparu:
            messages.warning(
                request, "Cet article n’est plus dans le texte : quelqu’un l’a retiré ou renommé."
            )
            return HttpResponseRedirect(self.get_success_url())
        return super().get(request, *args, **kwargs)


class ArticleEditView(OneArticleMixin, ArticleFormView):
    form_class = ArticleEditForm
    template_name = "conventions/article_form.html"
    success_message = "L’article est enregistré."

    def get_form_kwargs(self):
        instance = self.article.row or ArticleConvention(convention=self.convention)
        return super().get_form_kwargs() | {"article": self.article, "instance": instance}

    def get_context_data(self, **kwargs):
        return super().get_context_data(article=self.article, reperes=REPERES, **kwargs)


class ArticleAddView(ArticleFormView):
    form_class = ArticleAddForm
    template_name = "conventions/article_form.html"
    success_message = "L’article est ajouté."

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": ArticleConvention(convention=self.convention)}

    def get_context_data(self, **kwargs):
        return super().get_context_data(article=None, reperes=REPERES, **kwargs)


class ArticlesOrderView(ArticleFormView):
    form_class = ArticlesOrderForm
    template_name = "conventions/articles_order.html"
    success_message = "L’ordre des articles est enregistré."


class ArticleRemoveView(OneArticleMixin, ArticlesMixin, TemplateView):
    template_name = "conventions/article_remove.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(article=self.article, **kwargs)

    def post(self, request, *args, **kwargs):
        try:
            remove_article(convention=self.convention, article=self.article)
        except TransitionError as refus:
            messages.warning(request, str(refus))
        else:
            messages.success(request, f"L’article «\u00a0{self.article.titre}\u00a0» est retiré.")
        return HttpResponseRedirect(self.get_success_url())


class ArticlesRestoreView(ArticlesMixin, TemplateView):
    template_name = "conventions/articles_restore.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(articles=self.articles, **kwargs)

    def post(self, request, *args, **kwargs):
        restore_proposed(convention=self.convention)
        messages.success(request, "Le texte proposé est de nouveau celui de la convention.")
        return HttpResponseRedirect(self.get_success_url())
