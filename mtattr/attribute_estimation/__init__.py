"""Maeda et al. 2020: attributes in the middle layer as reasons for a class.

K. Maeda, K. Horii, T. Ogawa and M. Haseyama, "Multi-Task Convolutional Neural Network Leading to
High Performance and Interpretability via Attribute Estimation", IEICE Transactions on Fundamentals
E103-A (12), 2020. Where its parts are:

- Sec. 2, z = [x ; o_a] and the class from it: `AttributeEstimationNet.classify`
- Sec. 2, L = alpha L_c + (1 - alpha) L_a: `joint_loss`; alpha as weights per task: `loss_weights`
- Sec. 3, the K attributes of highest mutual information: `select_attributes`,
  `mutual_information`
- Sec. 3, networks PM (the proposed one), CM (no path from attributes to class) and Ideal (the class
  alone): `AttributeEstimationNet(variant=...)`

Ours: `interventions`, which change o_a and watch the class, and `explain`, Grad-CAM of attributes.
After Koh et al. 2020, "Concept Bottleneck Models": `AttributeEstimationNet(variant="bottleneck")`,
whose class reads o_a alone, and `correction`, class accuracy against the number of corrected o_a.
"""

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
