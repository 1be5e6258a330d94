"""The finite-size theory: what a network of finite size does at any step size (docs/theory-finite-size.md).

The sections of that page, their main equations, and where they are computed:

===== ==================================== ================================================================
1     the step conditioned on beta         ``conditioning``, ``given_kappa.deviation`` (eq-tau),
                                           ``given_kappa.activation_averages`` (eq-averages)
1     few samples of the gradient          ``gradient_sample`` (eq-sample-law), ``ensemble``
2     the teacher given kappa              ``given_kappa.label_parts`` (eq-teacher), ``labels``
3     the bulk and its fixed point         ``bulk.fixed_point`` (eq-fixed, eq-split), ``bulk.newton``
4     what the spikes learn                ``spikes.learned_functions`` (eq-excluded), ``spikes.errors`` (eq-value)
5     train and test errors                ``spikes.errors`` (eq-train, eq-test)
6     spectrum, edges, outliers            ``spectrum`` (eq-outliers, eq-count, eq-overlap, eq-mixing)
8     the matrix of the gradient           ``gradient_matrix`` (eq-matrix, eq-subordinate, eq-frame)
9     numerics                             ``given_kappa.grids``, ``gradient_matrix.rules``, ``bulk.newton``
10    norms                                ``given_kappa.norm_fluctuations`` (eq-variances, eq-neuron-variance)
11    finite dimension                     ``bulk.finite_dimension``, ``spikes.norm_response``,
                                           ``spikes.linear_directions``, ``spikes.quadratic_directions`` (eq-joint)
12    weights along the known directions   ``given_kappa.weights_along`` (eq-along)
===== ==================================== ================================================================

A :class:`~polyspike.Problem` becomes a model, a solved bulk and three errors in ``solve``, and a prediction in
``predict``, where ``continuation`` solves each node of an average from the one before; ``batch``, ``derivatives`` and
``optimum`` do so for many problems, by shared work. ``cost`` says beforehand how long a prediction takes.
"""

from polyspike.theory.finite_size.predict import predict_finite_size

__all__ = ["predict_finite_size"]
