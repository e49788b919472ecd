"""Attributes in the middle layer as reasons for a class (Maeda et al. 2020)."""

from mtattr.attribute_estimation.loss import joint_loss, loss_weights
from mtattr.attribute_estimation.network import AttributeEstimationNet
from mtattr.attribute_estimation.selection import mutual_information, select_attributes

__all__ = [
    "AttributeEstimationNet",
    "joint_loss",
    "loss_weights",
    "mutual_information",
    "select_attributes",
]
