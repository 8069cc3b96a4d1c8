"""Folders of notes and code, cut into passages and searched by words: what a reranker then puts in order."""

from rerank_kit.search.folder import Folder, Passage, read_folder
from rerank_kit.search.folder_index import FolderIndex, Found
from rerank_kit.search.passage_index import PassageIndex

__all__ = ["Folder", "FolderIndex", "Found", "Passage", "PassageIndex", "read_folder"]
