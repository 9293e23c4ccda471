// Package translate turns Kubernetes and Karpenter API values into drover's
// model and back, field by field and without deciding anything.
package translate
