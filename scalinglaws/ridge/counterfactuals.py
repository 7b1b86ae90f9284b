"""What theory would say of a problem under an assumption that it does not meet, to see how far off that is."""

from dataclasses import replace

from scalinglaws.ridge.problem import RandomFeatureProblem


def counterfactuals(problem):
    """{assumption: problem}, of those that would change a problem's curve; often none.

    "input convention" : for deep features with entries of variance 1 / (inputs of the layer), as they are drawn, the
        variance 1 / dim in every layer. The two agree in the first layer.
    "no feature noise" : features that are linear.
    """
    if not isinstance(problem, RandomFeatureProblem):
        return {}
    found = {}
    if problem.depth > 1 and problem.convention == "layer":
        found["input convention"] = replace(problem, convention="input")
    if problem.feature_noise_std.any():
        found["no feature noise"] = replace(problem, feature_noise_std=0.0)
    return found
