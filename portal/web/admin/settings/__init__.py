"""The desk's pages for the settings of the customers' space and the merchant's face."""
