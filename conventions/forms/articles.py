"""The text of a convention: one article a form, so that nothing else can be erased."""

from django import forms
from django.core.exceptions import ValidationError

from conventions.forms.base import PlacedForm
from conventions.models import ArticleConvention
from conventions.operations.articles import add_article, order_articles, save_article
from ctg_portal.fields import TexteLong

TEXTE_MAX = 100_000


class ArticleForm(PlacedForm):
    """Base of both forms; ``articles`` are those of the convention, ``article`` the one that is written (``None``: new)."""

    texte = forms.CharField(
        label="Texte",
        max_length=TEXTE_MAX,
        widget=TexteLong(16),
        help_text="Une ligne vide sépare deux paragraphes ; des lignes qui commencent par un tiret font une liste.",
    )

    class Meta:
        model = ArticleConvention
        fields = ["titre", "texte"]

    def __init__(self, *args, convention, articles, article=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.convention, self.articles, self.article = convention, articles, article

    def clean_texte(self):
        return self.cleaned_data["texte"].replace("\r\n", "\n")

    def clean_titre(self):
        titre = self.cleaned_data["titre"]
        others = [row for row in self.articles if self.article is None or row.cle != self.article.cle]
        if any(row.titre.casefold() == titre.casefold() for row in others):
            raise ValidationError("Un autre article porte déjà ce titre.")
        return titre


class ArticleAddForm(ArticleForm):
    rangees = ((("titre", 9), ("numero", 3)), (("texte", 12),))
    numero = forms.IntegerField(label="Numéro de l’article", min_value=1, max_value=999)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial.setdefault("numero", len(self.articles) + 1)

    def save(self, *, by):
        add_article(convention=self.convention, **self.cleaned_data)
        return self.instance


class ArticleEditForm(ArticleForm):
    """Carries a ``version`` of the article as it was read: a second save over somebody else's is not silent."""

    version = forms.CharField(widget=forms.HiddenInput, required=False)
    conflict = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial |= {
            "titre": self.article.titre,
            "texte": self.article.texte,
            "version": self.article.version,
        }

    def clean(self):
        cleaned = super().clean()
        given = cleaned.get("version")
        if given and given != self.article.version:
            self.conflict = True
            self.data = self.data.copy()
            self.data[self.add_prefix("version")] = self.article.version
            if self.article.disparu:
                self.add_error(
                    None,
                    "Cet article n’est plus dans le texte : quelqu’un l’a retiré ou renommé depuis que vous l’avez "
                    "ouvert. Votre saisie est gardée ci-dessous : enregistrez pour l’ajouter à la fin.",
                )
            else:
                self.add_error(
                    None,
                    "Cet article a été enregistré par quelqu’un d’autre depuis que vous l’avez ouvert. Votre saisie "
                    "est gardée ci-dessous et la version enregistrée est rappelée au-dessus : reprenez ce qui doit "
                    "l’être, puis enregistrez pour la remplacer.",
                )
        return cleaned

    def save(self, *, by):
        save_article(
            convention=self.convention,
            article=self.article,
            titre=self.cleaned_data["titre"],
            texte=self.cleaned_data["texte"],
        )
        return self.instance


class ArticlesOrderForm(forms.Form):
    """A number an article; ``version`` names the articles that the page showed."""

    version = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args, convention, articles, **kwargs):
        super().__init__(*args, **kwargs)
        self.convention, self.articles = convention, articles
        self.current = ",".join(article.cle for article in articles)
        self.initial["version"] = self.current
        for rank, article in enumerate(articles, start=1):
            self.fields[f"ordre-{article.cle}"] = forms.IntegerField(
                label=article.titre, initial=rank, min_value=1, max_value=999
            )

    def lignes(self):
        return [self[f"ordre-{article.cle}"] for article in self.articles]

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("version") and cleaned["version"] != self.current:
            self.data = self.data.copy()
            self.data["version"] = self.current
            # The numbers typed were those of another list.
            self._errors.clear()
            for rank, article in enumerate(self.articles, start=1):
                self.data[f"ordre-{article.cle}"] = str(rank)
            self.add_error(
                None,
                "Le texte a changé depuis l’ouverture de cette page : voici l’ordre actuel. Recommencez.",
            )
        return cleaned

    def save(self, *, by):
        numeros = {article.cle: self.cleaned_data[f"ordre-{article.cle}"] for article in self.articles}
        order_articles(convention=self.convention, numeros=numeros)
