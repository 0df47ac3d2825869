"""Voices that come with Dubline: one module each, and the parts they share."""
