from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Save a person with a hashed password (unusable when ``None``); the address is stored in lower case."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, **{"is_staff": True, "is_superuser": True} | fields)

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email__iexact=email)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who logs in with an e-mail address; what they may do comes from ``Habilitation``."""

    email = models.EmailField("adresse électronique", max_length=254, unique=True)
    nom = models.CharField("prénom et nom", max_length=150, blank=True)
    fonction = models.CharField("fonction", max_length=150, blank=True)
    is_active = models.BooleanField("compte ouvert", default=True)
    is_staff = models.BooleanField("accès à l’administration technique", default=False)
    date_joined = models.DateTimeField("inscrit le", default=timezone.now, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["nom"]

    class Meta:
        verbose_name = "personne"
        verbose_name_plural = "personnes"
        ordering = ["nom", "email"]
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_unique",
                violation_error_message="Un compte existe déjà pour cette adresse.",
            )
        ]

    def __str__(self) -> str:
        return self.nom or self.email

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)


class TimestampedModel(models.Model):
    """A row that says when it was made and last saved."""

    created_at = models.DateTimeField("créé le", auto_now_add=True)
    updated_at = models.DateTimeField("modifié le", auto_now=True)

    class Meta:
        abstract = True


class Ordered(models.Model):
    """A row placed by hand among its siblings: the order is separate from any displayed code."""

    ordre = models.PositiveIntegerField("ordre", default=0)

    class Meta:
        abstract = True


class Fragment(models.Model):
    """A part of a document, drawn: kept by what it is made of, so that it is drawn once (see ``ctg_portal.pdf``).

    Whoever reads it holds the whole page it was drawn from, so a row tells nobody anything new. What nobody asks for any
    more is deleted.
    """

    cle = models.CharField("clé de contenu", max_length=64, primary_key=True)
    contenu = models.BinaryField("dessin")
    reperes = models.JSONField("titres et ancres")
    pages = models.PositiveIntegerField("nombre de pages")
    utilise_le = models.DateTimeField("utilisé le", default=timezone.now, db_index=True)

    class Meta:
        verbose_name = "fragment"

    def __str__(self) -> str:
        return self.cle


class PartieEcrite(models.Model):
    """The text of a part of a document, as HTML, kept by the state of what it says (see ``ctg_portal.ecrits``).

    Whoever reads it may read the rows it was written from. What nobody asks for any more is deleted.
    """

    cle = models.CharField("clé d’état", max_length=64, primary_key=True)
    html = models.TextField("texte")
    utilise_le = models.DateTimeField("utilisé le", default=timezone.now, db_index=True)

    class Meta:
        verbose_name = "partie écrite"
        verbose_name_plural = "parties écrites"

    def __str__(self) -> str:
        return self.cle


class Battement(models.Model):
    """The last sign of life of the processes that work in the background: one row a name, whatever their number."""

    nom = models.SlugField("nom", primary_key=True)
    le = models.DateTimeField("le")

    class Meta:
        verbose_name = "battement"

    def __str__(self) -> str:
        return self.nom

    @classmethod
    def beat(cls, nom: str) -> None:
        cls.objects.update_or_create(nom=nom, defaults={"le": timezone.now()})

    @classmethod
    def is_alive(cls, nom: str, *, within: timedelta) -> bool:
        """Whether it gave a sign of life within that time."""
        return cls.objects.filter(nom=nom, le__gte=timezone.now() - within).exists()
