"""Who they are: names and addresses as they are found in three countries, accents and hyphens among them."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any, Final

LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True)
class Tongue:
    """A language's names, the common ones first, and where its people have their mail, each with its share."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    domains: tuple[tuple[str, int], ...]
    said: tuple[str, ...]  # why they leave, in their words


FRENCH: Final = Tongue(
    tuple(
        """
        Marie Jean Claire Éric Zoé Léa Chloé Hélène François Agnès Nathalie Anne-Sophie Jean-Pierre Marie-Claude Loïc
        Maël Inès Théo Noémie Aurélie Benoît Cédric Danièle Élodie Fabienne Gaël Hugo Isabelle Jérôme Karine Laurent
        Mathilde Nicolas Océane Pascal Quentin Raphaël Sébastien Thérèse Ulysse Valérie William Xavier Yann Amélie
        Mohamed Fatou Nguyễn Željko Łucja Iñaki Ana João
        """.split()  # noqa: SIM905 - to be read
    ),
    tuple(
        """
        Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon Laurent Lefèvre Michel Garcia David
        Bertrand Roux Vincent Fournier Morel Girard André Mercier Dupont Lambert Bonnet François Martinez Legrand
        Garnier Faure Rousseau Blanc Guérin Henry Roussel Nicolas Perrin Morin Mathieu Clément Gauthier Dumont
        López Fontaine Chevalier Robin Masson Sanchez Gérard Nguyen Boyer Denis Lemaire Duval Joly Gautier Roger Roche
        Roy Noël Meyer Lucas Meunier Jean Pérez Marchand Dufour Blanchard Marie Barbier Brun Dumas Brunet Schmitt Leroux
        Colin Fernández D’Angelo L’Hôpital Le-Gall Saint-Rémy De-La-Tour Œuvrard Cœurdeuil
        """.split()  # noqa: SIM905 - to be read
    ),
    (
        ("gmail.com", 34), ("orange.fr", 14), ("free.fr", 11), ("hotmail.fr", 10), ("wanadoo.fr", 7), ("yahoo.fr", 7),
        ("outlook.com", 6), ("laposte.net", 5), ("sfr.fr", 4), ("mairie-de-lyon.example", 1),
        ("mail.atelier.example", 1),
    ),
    (
        "Je n’ai plus le temps de m’exercer.", "Les vidéos se coupent sur ma tablette.", "Trop cher en ce moment.",
        "J’ai fini le cycle, merci pour tout !", "Je déménage à l’étranger.", "Je croyais à un suivi en direct.",
    ),
)  # fmt: skip
GERMAN: Final = Tongue(
    tuple(
        """
        Anna Peter Sabine Thomas Julia Jürgen Katharina Björn Lena Stefan Ulrike Wolfgang Jörg Käthe Maximilian Renate
        Sören Dörte Florian Heike Karl-Heinz Annegret Günther Lieselotte
        """.split()  # noqa: SIM905 - to be read
    ),
    tuple(
        """
        Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf
        Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann Hartmann Lange Weiß Strauß Voß Jäger Groß Ærø
        """.split()  # noqa: SIM905 - to be read
    ),
    (("gmx.de", 30), ("web.de", 25), ("gmail.com", 25), ("t-online.de", 15), ("posteo.de", 5)),
    ("Zu teuer für das, was ich nutze.", "Ich habe keine Zeit mehr zum Üben.", "Das Video ruckelt auf meinem Gerät."),
)
ENGLISH: Final = Tongue(
    tuple(
        """
        Emma Oliver Olivia James Priya Kenji Grace Liam Siobhán Chloe Hannah Noah Aoife Daniel Ruth Mary-Ann Callum Zara
        Winston Niamh
        """.split()  # noqa: SIM905 - to be read
    ),
    tuple(
        """
        Smith Jones Taylor Brown Williams Wilson Johnson Davies Wright Byrne Nair Sato Walker Thompson White Hughes
        Clark Patel O’Neil Singh MacDonald Fitzgerald Ó-Briain
        """.split()  # noqa: SIM905 - to be read
    ),
    (("gmail.com", 45), ("outlook.com", 20), ("yahoo.co.uk", 15), ("icloud.com", 15), ("btinternet.com", 5)),
    (
        "I never find the time.",
        "The player stops halfway through.",
        "A bit too dear for me.",
        "Done with it, thank you!",
    ),
)
TONGUES: Final = {"fr": FRENCH, "de": GERMAN, "en": ENGLISH}


def named(chance: random.Random, tongue: Tongue, number: int) -> tuple[str, str]:
    """Return a name, and an address that nobody else of another number has."""
    first, last = _mostly_common(chance, tongue.first), _mostly_common(chance, tongue.last)
    plain = unicodedata.normalize("NFKD", f"{first}{chance.choice(('.', '-', '_', ''))}{last}").lower()
    local = "".join(sign for sign in plain if sign.isascii() and (sign.isalnum() or sign in ".-_"))
    return f"{first} {last}", f"{local}{number}@{one_of(chance, tongue.domains)[0]}"


def one_of(chance: random.Random, shares: Sequence[Any]) -> Any:
    """Return one of the tuples, as often as its last part says."""
    return chance.choices(shares, cum_weights=_cumulated(shares))[0]


def code(chance: random.Random, length: int) -> str:
    """Return letters and figures, as ids and references have them."""
    return "".join(chance.choices(LETTERS, k=length))


def _mostly_common(chance: random.Random, names: Sequence[str]) -> str:
    return names[min(int(chance.expovariate(8) * len(names)), len(names) - 1)]


@cache
def _cumulated(shares: Sequence[Any]) -> list[int]:
    return list(accumulate(share[-1] for share in shares))
