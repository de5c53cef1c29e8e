"""Personas: what an assistant is for, who may use it, which models serve it. One YAML file each, and their reader."""
