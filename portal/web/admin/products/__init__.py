"""The desk's pages for products: their rules and contents, whom a change touches, and which plans sell them."""
